// The one thing that a content script of ours asks of the browser.
declare const chrome: { runtime: { getURL(path: string): string } };
