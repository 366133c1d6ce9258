// The public face of the model: ALBERT, its configuration, files and tokeniser.

export { AlbertForSequenceClassification, type DropoutSeed, type TokenBatch } from "./albert.ts";
export {
  type AlbertConfig,
  type HiddenAct,
  labelFields,
  loadConfig,
  parseConfig,
  serializeConfig,
} from "./config.ts";
export {
  downloadModel,
  type DownloadOptions,
  type DownloadProgress,
  HubError,
  isHubId,
} from "./hub/index.ts";
export {
  type Preset,
  type PresetInput,
  type PresetName,
  PRESETS,
  presetConfig,
} from "./presets.ts";
export {
  isExpectedUnused,
  labelNames,
  loadPretrained,
  loadWeights,
  type LoadReport,
  type Pretrained,
  savePretrained,
} from "./pretrained.ts";
export {
  type NamedTensor,
  openSafetensors,
  type SafetensorsFile,
  writeSafetensors,
} from "./safetensors.ts";
export type { TensorInfo } from "./safetensors-header.ts";
export { Tokenizer, type TokenizerSource, type Word } from "./tokenizer.ts";
export type { TokenizerOptions } from "./tokenizer-files.ts";
