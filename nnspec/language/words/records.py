"""Names of the keys of a spec: of the network, its inputs, its blocks, its training and data."""

from nnspec.layers.words.word import Key, Word, inferred, keys, no_key, only

WORDS: dict[str, Word] = {}


def _moved(names: str, into: str) -> dict[str, Key]:
    """Return keys that stand a level too high; a name is `theirs=ours` where the two differ."""
    moved = {}
    for each in names.split():
        name, _, ours = each.partition("=")
        moved[name] = Key(ours or name, f"it belongs under `{into}`", into=into)
    return moved


KEYS = {
    "Model": {
        **keys("nnspec", "version format_version spec_version format schema_version"),
        **keys("name", "model_name title network_name id class_name"),
        **keys("description", "doc docs comment desc about"),
        **keys("data_format", "image_data_format layout data_layout channels channel_order"),
        **keys("variables", "vars params parameters hyperparameters hyper_parameters hparams config "
               "constants args arguments definitions"),
        **keys("inputs", "input input_layers features placeholders"),
        **keys("outputs", "output output_layers"),
        **keys("blocks", "modules functions subnetworks submodules block macros components"),
        **keys("layers", "model network architecture nodes graph body structure sequence backbone "
               "layer net"),
        **keys("data", "dataset datasets data_source"),
        **keys("training", "train fit trainer training_config"),
        **no_key("input_shape", "inputs: {x: {shape: [8]}} gives it, without the batch"),
        **_moved("task loss criterion=loss objective=loss optimizer optim=optimizer metrics "
                 "metric=metrics epochs num_epochs=epochs max_epochs=epochs n_epochs=epochs batch_size "
                 "batch=batch_size shuffle seed random_seed=seed learning_rate lr=learning_rate", "training"),
        **_moved("source target validation validation_split=validation test test_split=test "
                 "standardize standardize_target", "data"),
        **inferred("device backend framework", "a spec says what the network is; "
                   "`nnspec compile --to` chooses a framework"),
        **only("dtype", ("float32", None), "a network computes in float32; an input and `cast` have "
               "dtypes", "a network computes in float32"),
    },
    "Input": {
        **keys("shape", "size dims dim sizes input_shape dimensions"),
        **keys("dtype", "type data_type"),
        **inferred("name", "its key is its name"),
        **inferred("batch_size", "a spec leaves the batch out"),
        **only("sparse ragged optional", (False, None), "nothing here is it: a row has a number for "
               "each element", "a row has a number for each element"),
        **no_key("batch_shape", "write shape, without the batch"),
    },
    "Block": {
        **keys("layers", "body nodes modules network"),
        **keys("inputs", "input in args"),
        **keys("outputs", "output out returns"),
        **keys("variables", "vars params parameters defaults arguments hyperparameters"),
        **keys("description", "doc comment desc"),
        **no_key("repeat", "repeat belongs to the use of the block: {type: block, repeat: 3}"),
    },
    "Call": {
        **keys("repeat", "repeats times n num_layers depth n_layers num_blocks count num_repeats "
               "repetitions number"),
        **keys("name", "id label"),
        **keys("inputs", "input from source sources"),
    },
    "Training": {
        **keys("task", "problem problem_type objective_type kind"),
        **keys("loss", "criterion objective loss_fn loss_function losses"),
        **keys("optimizer", "optim optimiser opt solver"),
        **keys("metrics", "metric eval_metric"),
        **keys("average", "averaging weight_averaging"),
        **no_key("ema swa", "average is it: average: {type: ema, decay: 0.999} or {type: swa, start: 100}"),
        **keys("epochs", "num_epochs n_epochs max_epochs num_train_epochs epoch nb_epoch"),
        **keys("batch_size", "batch bs batchsize train_batch_size per_device_train_batch_size "
               "minibatch_size"),
        **keys("seed", "random_seed random_state rng_seed"),
        **keys("shuffle", "shuffled"),
        **keys("accumulate", "gradient_accumulation_steps accumulate_grad_batches accumulation_steps "
               "grad_accumulation gradient_accumulation grad_accum_steps"),
        **keys("clip", "clipping gradient_clipping"),
        **_moved("norm clip_norm=norm gradient_clip_val=norm max_grad_norm=norm grad_clip=norm "
                 "clip_grad_norm=norm global_clipnorm=norm clipnorm=norm_each clipvalue=value "
                 "clip_value=value", "clip"),
        **_moved("learning_rate lr=learning_rate momentum beta_1 beta_2 epsilon eps=epsilon nesterov",
                 "optimizer"),
        "validation_split": Key("validation", "it belongs under `data`", outer="data"),
        "validation": Key("validation", "it belongs under `data`", outer="data"),
        "standardize": Key("standardize", "it belongs under `data`", outer="data"),
        "standardize_target": Key("standardize_target", "it belongs under `data`", outer="data"),
        **keys("stop", "early_stopping early_stop EarlyStopping"),
        **keys("keep", "checkpoint model_checkpoint ModelCheckpoint"),
        **only("callbacks", (None, False), "`stop` and `keep` say when to stop, and which epoch is the "
               "best"),
        **only("patience", (None,), "it belongs under `stop`: stop: {patience: 5}"),
        **no_key("schedule lr_schedule scheduler lr_scheduler learning_rate_schedule",
                 "learning_rate of the optimizer takes a schedule: optimizer: {type: adam, "
                 "learning_rate: {schedule: cosine, peak: 0.001, steps: 1000}}"),
        **no_key("weight_decay", "the optimizer has l2, which is added to the gradient, and decay, which is "
                 "taken of the weights, times the rate"),
        **no_key("steps max_steps", "training counts epochs"),
        **inferred("verbose device num_workers pin_memory", "it is of the machine, not of the network"),
        **only("precision", (32, "32", "32-true", "float32", None), "a network computes in float32",
               "a network computes in float32"),
    },
    "Stop": {
        **keys("metric", "monitor watch measure quantity"),
        **keys("patience", "epochs rounds n_iter_no_change"),
        **keys("min_delta", "delta min_change tol"),
        **only("restore_best_weights", (True, False), "", "the weights of the best epoch are kept"),
        **inferred("verbose", "every epoch is shown"),
    },
    "Keep": {
        **keys("metric", "monitor watch measure quantity"),
        **only("save_best_only", (True,), "the last and the best weights are kept"),
        **only("patience min_delta", (None,), "it belongs under `stop`"),
    },
    "Data": {
        **keys("source", "path file filename csv data file_path dataset source_file train location"),
        **keys("query", "sql select statement sql_query"),
        **keys("features", "x columns feature_columns inputs X"),
        **keys("target", "y label labels target_column targets output class_column"),
        **keys("validation", "validation_split val_split val validation_fraction val_size valid "
               "validation_size"),
        **keys("test", "test_split test_size test_fraction"),
        **keys("standardize", "normalize standardise scale standardization standard_scaler"),
        **keys("standardize_target", "standardise_target normalize_target scale_target standardize_targets "
               "standardize_labels standardize_y scale_y normalize_y target_scaler"),
        **keys("prepare", "preprocessing preprocess transform transforms transformers column_transformer "
               "feature_space encoders column_defs input_features"),
        **keys("augment", "augmentation augmentations data_augmentation augmenter train_transforms"),
        **keys("resample", "oversample sampler weighted_sampler oversampling resampling sampling"),
        **keys("windows", "window windowing sliding_window sliding_windows rolling time_series timeseries"),
        **no_key("separator sep delimiter", "rows are separated by commas"),
        **_moved("", "training"),
    },
    "Windows": {
        **keys("series", "series_id group groups group_ids id item_id unique_id entity"),
        **keys("order", "time time_idx time_column timestamp date date_column sort_by index"),
        **keys("format", "date_format datetime_format strptime pattern"),
        **keys("horizon", "prediction_length max_prediction_length output_chunk_length forecast_horizon "
               "h pred_len label_width steps_ahead n_ahead ahead"),
        **keys("gap", "output_chunk_shift delay lead"),
        **keys("stride", "sequence_stride step hop"),
        **no_key("length lookback context_length input_chunk_length max_encoder_length sequence_length "
                 "seq_len window_size input_width size", "the first axis of the inputs is the length"),
    },
    "Preparation": {
        **keys("missing", "impute imputer imputation fill fillna fill_na missing_value_strategy "
               "missing_values strategy nan na"),
        **keys("indicator", "add_indicator missing_indicator is_missing"),
        **keys("scale", "scaler scaling normalization normalize normalise standardize transform"),
        **keys("categories", "category categorical encode encoder encoding"),
        **keys("date", "dates datetime timestamp date_parts parts"),
        **keys("format", "date_format datetime_format strptime pattern"),
        **keys("cyclic", "cyclical cycle sin_cos sine_cosine periodic"),
        **keys("image", "images picture image_path path file img"),
        **keys("text", "texts sentence string tokens tokenizer"),
        **_moved("resize image_size=resize crop center_crop=crop interpolation resample=interpolation", "image"),
        **_moved("unknown handle_unknown=unknown oov=unknown values vocabulary=values vocab=values "
                 "min_count min_frequency=min_count most_common=min_count", "categories"),
    },
    "Texts": {
        **keys("tokens", "tokenizer tokenize split token_level analyzer"),
        **keys("length", "max_length max_len output_sequence_length sequence_length maxlen seq_len"),
        **keys("lower", "lowercase do_lower_case standardize"),
        **keys("most", "max_tokens vocab_size vocabulary_size num_words max_features size"),
        **keys("min_count", "min_freq min_frequency min_df"),
        **keys("keep", "truncation truncate truncating truncation_side"),
        **keys("pad", "padding padding_side"),
    },
    "Categories": {
        **keys("encoding", "encode output_mode mode type method"),
        **keys("values", "vocabulary vocab categories classes levels"),
        **keys("unknown", "handle_unknown oov out_of_vocabulary num_oov_indices unseen"),
        **keys("min_count", "min_frequency min_freq rare threshold"),
    },
    "Augmentation": {
        **keys("flip", "random_flip mirror horizontal_flip hflip"),
        **keys("shift", "translate translation random_translation random_crop max_shift padding"),
    },
    "Picture": {
        **keys("resize", "size image_size target_size resize_to smaller_edge"),
        **keys("crop", "center_crop centre_crop crop_size crop_to"),
        **keys("interpolation", "resample interpolation_mode method filter"),
        **keys("range", "rescale value_range scale"),
        **keys("normalize", "normalise normalization normalisation standardize"),
        **no_key("color_mode mode channels convert", "an input of 3 channels takes RGB, and of 1 grayscale"),
        **no_key("antialias", "windows grow where an image becomes smaller, as Pillow does"),
    },
    "Sound": {
        **keys("rate", "sample_rate sampling_rate sr samplerate target_sr"),
        **keys("keep", "crop pad truncate"),
        **keys("mix", "mono to_mono downmix"),
        **keys("normalize", "normalise normalization normalisation standardize"),
        **no_key("length samples duration", "the input's shape says how many samples there are"),
    },
    "Normalization": {
        **keys("mean", "means mu image_mean"),
        **keys("std", "stds stddev sigma deviation image_std scale variance"),
    },
    "Constant": {
        **keys("constant", "value fill fill_value fill_with"),
    },
}  # fmt: skip
_DTYPES = {
    "float": "float32", "single": "float32", "fp32": "float32", "f32": "float32", "int": "int32",
    "integer": "int32", "long": "int64", "boolean": "bool", "torch.float32": "float32",
    "torch.float": "float32", "torch.long": "int64", "torch.int64": "int64", "torch.int32": "int32",
    "torch.bool": "bool", "i64": "int64", "i32": "int32",
}  # fmt: skip
VALUES = {
    "Input": {"dtype": _DTYPES},
    "Model": {"data_format": {"nchw": "channels_first", "nhwc": "channels_last", "ncw": "channels_first",
                              "nwc": "channels_last", "ncdhw": "channels_first",
                              "ndhwc": "channels_last", "chw": "channels_first",
                              "hwc": "channels_last", "first": "channels_first",
                              "last": "channels_last"}},
    "Preparation": {
        "scale": {"zscore": "standard", "z_score": "standard", "standardize": "standard",
                  "StandardScaler": "standard", "standard_scaler": "standard", "normal": "standard",
                  "minmax": "min_max", "MinMaxScaler": "min_max", "min_max_scaler": "min_max",
                  "RobustScaler": "robust", "robust_scaler": "robust", "iq": "robust",
                  "log1p": "log", "log_1p": "log", "quantile_uniform": "quantile",
                  "QuantileTransformer": "quantile", "rank": "quantile", "quantiles": "quantile"},
        "date": {"dayofweek": "weekday", "day_of_week": "weekday", "dayofyear": "day_of_year",
                 "ordinal_day": "day_of_year"},
        "missing": {"average": "mean", "mode": "most_frequent", "frequent": "most_frequent",
                    "fill_with_mean": "mean", "fill_with_median": "median",
                    "fill_with_mode": "most_frequent", "error": "refuse", "raise": "refuse"},
        "categories": {"onehot": "one_hot", "dummy": "one_hot", "dummies": "one_hot",
                       "OneHotEncoder": "one_hot", "label": "index", "ordinal": "index",
                       "int": "index", "integer": "index", "OrdinalEncoder": "index"},
    },
    "Augmentation": {
        "flip": {"left_right": "horizontal", "up_down": "vertical", "h": "horizontal", "v": "vertical",
                 "horizontal_and_vertical": "both"},
    },
    "Picture": {
        "interpolation": {"linear": "bilinear", "cubic": "bicubic", "area": "box", "lanczos3": "lanczos",
                          "antialias": "bilinear", "nearest_exact": "nearest", "bilinear_antialias": "bilinear"},
        "normalize": {"standard": "learned", "adapt": "learned", "train": "learned"},
    },
    "Categories": {
        "encoding": {"onehot": "one_hot", "dummy": "one_hot", "label": "index", "ordinal": "index",
                     "int": "index", "integer": "index"},
        "unknown": {"error": "refuse", "raise": "refuse", "infrequent_if_exist": "bucket",
                    "own": "bucket", "other": "bucket", "oov": "bucket"},
    },
    "Training": {
        "task": {"multi_class": "multiclass", "binary_classification": "binary",
                 "multiclass_classification": "multiclass", "regress": "regression",
                 "multi_class_classification": "multiclass", "categorical": "multiclass", "multi_label": "multilabel",
                 "multilabel_classification": "multilabel", "multi_label_classification": "multilabel",
                 "language_modeling": "language", "language_modelling": "language",
                 "language_model": "language", "lm": "language", "auto_encoder": "autoencoder",
                 "autoencoding": "autoencoder", "reconstruction": "autoencoder"},
    },
}  # fmt: skip
