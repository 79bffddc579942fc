// node look.mjs PAGE.html FOLDER: opens a page in Chromium at two widths, light and dark; prints as
// JSON what axe-core finds, how wide the page is and what the keyboard reaches, and writes pictures.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const home = createRequire(`${process.cwd()}/node_modules/`);
const { default: chromium } = await import(pathToFileURL(home.resolve("@sparticuz/chromium")));
const { default: puppeteer } = await import(pathToFileURL(home.resolve("puppeteer-core")));
const axe = readFileSync(home.resolve("axe-core/axe.min.js"), "utf8");
const [page, folder] = process.argv.slice(2);
const browser = await puppeteer.launch({
  args: chromium.args, executablePath: await chromium.executablePath(), headless: "shell",
});

/** What Tab reaches, with whether it is seen; what there is to reach; and whether keys fold. */
async function keyboard(tab) {
  await tab.evaluate(() => window.scrollTo(0, 0));
  const told = (each) => each.getAttribute("aria-label") ?? each.textContent;
  const all = await tab.evaluate(`[...document.querySelectorAll("summary,[tabindex]")].map(${told})`);
  const reached = [];
  for (let i = 0; i < all.length; i++) {
    await tab.keyboard.press("Tab");
    reached.push(await tab.evaluate(`(() => {
      const each = document.activeElement;
      const box = each.getBoundingClientRect();
      return {
        name: (${told})(each), outline: getComputedStyle(each).outlineStyle,
        isInView: box.top < innerHeight && box.bottom > 0,
      };
    })()`));
  }
  const isOpen = () => tab.evaluate(() => document.activeElement.parentElement.open);
  const folds = [await isOpen()];
  for (const key of ["Enter", "Space"]) {
    await tab.keyboard.press(key);
    folds.push(await isOpen());
  }
  return { all, reached, folds };
}

const found = [];
for (const width of [375, 1280]) {
  for (const scheme of ["light", "dark"]) {
    const tab = await browser.newPage();
    await tab.setViewport({ width, height: 900 });
    await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await tab.goto(pathToFileURL(page).href);
    await tab.evaluate(axe);
    const { violations } = await tab.evaluate("axe.run()");
    const [wide, paper, bars] = await tab.evaluate(() => [
      document.documentElement.scrollWidth,
      getComputedStyle(document.body).backgroundColor,
      [...document.querySelectorAll("svg.bar")].map((bar) => bar.getBoundingClientRect().width),
    ]);
    await tab.screenshot({ path: `${folder}/${width}-${scheme}.png`, fullPage: true });
    const keys = await keyboard(tab);
    found.push({
      width, scheme, wide, paper, bars, keys, violations: violations.map((each) => each.id),
    });
    await tab.close();
  }
}
await browser.close();
console.log(JSON.stringify(found));
