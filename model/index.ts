// The public face of the model: ALBERT, its configuration, files and tokeniser.

export { AlbertForSequenceClassification, type DropoutSeed, type TokenBatch } from "./albert.ts";
export {
  type AlbertConfig,
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
export { type PresetName, PRESETS, presetConfig } from "./presets.ts";
export {
  isExpectedUnused,
  labelNames,
  loadPretrained,
  loadWeights,
  type LoadReport,
  savePretrained,
} from "./pretrained.ts";
export { openSafetensors, type SafetensorsFile, writeSafetensors } from "./safetensors.ts";
export { Tokenizer, type Word } from "./tokenizer.ts";
