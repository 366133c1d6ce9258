// Models by their name on the Hugging Face hub.

export { HubError } from "./client.ts";
export { downloadModel, type DownloadOptions, type DownloadProgress, isHubId } from "./download.ts";
