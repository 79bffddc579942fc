// onnxruntime-web (WebAssembly) in Node.js: node run_web.mjs MODEL INPUTS.json OUTPUTS.json ...
import fs from "node:fs";
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;
const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };
const [model, ...files] = process.argv.slice(2);
const session = await ort.InferenceSession.create(fs.readFileSync(model));
for (let i = 0; i < files.length; i += 2) {
  const feeds = {};
  for (const [name, { dtype, shape, data }] of Object.entries(
    JSON.parse(fs.readFileSync(files[i], "utf8")),
  )) {
    const values = dtype === "int64" ? BigInt64Array.from(data.map(BigInt)) : ARRAYS[dtype].from(data);
    feeds[name] = new ort.Tensor(dtype, values, shape);
  }
  const result = await session.run(feeds);
  const given = {};
  for (const [name, { dims, data }] of Object.entries(result)) {
    given[name] = { shape: dims, data: Array.from(data, Number) };
  }
  fs.writeFileSync(files[i + 1], JSON.stringify(given));
}
