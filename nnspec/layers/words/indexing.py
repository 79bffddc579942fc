"""Names of layers that number, order and look up elements, and that number places along axes."""

from nnspec.layers.words.word import axis_of, keys, likely, no_key, nothing, only, same

WORDS = {
    **same("one_hot", "onehot OneHot to_one_hot to_categorical OneHotEncoding"),
    **nothing("multi_hot", "compose it: one_hot, then reduce_max over the axis of the numbers"),
    **same("cumsum", "cumulative_sum CumSum cum_sum"),
    **nothing("cumprod cummax cummin", "nothing here is it: for numbers above 0, log, cumsum and exp "
              "are cumprod"),
    **same("sort", "Sort ordered"),
    **same("argsort", "arg_sort ArgSort"),
    **same("top_k", "topk TopK k_largest", "it gives values, and as name.1 their indices"),
    **nothing("kthvalue median nanmedian quantile mode", "compose it of sort and slice"),
    **same("take", "batched_gather gather_nd index_of_row", "the indices are its second input"),
    **same("take_along_axis", "take_along_dim gather_elements GatherElements",
           "torch.gather is it too"),
    **nothing("scatter scatter_add scatter_ index_add scatter_nd segment_sum", "compose it: one_hot "
              "of the indices, then matmul or dot"),
    **same("arange", "range iota positions position_ids Range", "it numbers the places along an "
           "axis of what it takes, from 0"),
    **nothing("linspace", "a constant, or arange, cast and rescaling"),
    **same("coordinate_grid", "coordinates coord_grid"),
    **likely("coordinate_grid", "meshgrid CoordConv add_coords", "it gives the coordinates alone: "
             "concatenate them with the image"),
    **same("sequence_mask", "length_mask lengths_to_mask SequenceMask make_pad_mask"),
}  # fmt: skip
KEYS = {
    "one_hot": {**keys("num_classes", "depth num_tokens n classes num_labels size")},
    "cumsum": axis_of("dim"),
    "sort": {**axis_of("dim"), **only("stable", (True, False), "it is stable always")},
    "argsort": {**axis_of("dim"), **only("stable", (True, False), "it is stable always")},
    "top_k": {
        **axis_of("dim"),
        **only("largest sorted", (True,), "the largest come first: negate what it takes"),
    },
    "take": {**axis_of("dim"), **no_key("indices index", "they are its second input: inputs: [x, "
                                        "indices]; `gather` has fixed ones")},
    "take_along_axis": {**axis_of("dim"), **no_key("indices index", "they are its second input")},
    "arange": {**axis_of("dim"), **no_key("start end stop limit step", "it numbers the places along "
                                          "an axis: add, multiply or slice them, or list a "
                                          "constant")},
    "coordinate_grid": {**keys("minimum", "low min start"), **keys("maximum", "high max end")},
    "sequence_mask": {**keys("max_length", "maxlen max_len length total_length")},
}  # fmt: skip
