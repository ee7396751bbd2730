// Text is UTF-8 on its way, and JavaScript's own strings are UTF-16. There is no
// TextDecoder in this engine.
export const decode = (bytes) =>
  decodeURIComponent(Array.from(bytes, (byte) => "%" + byte.toString(16).padStart(2, "0")).join(""));

export const encode = (text) =>
  Uint8Array.from(encodeURIComponent(text).match(/%..|[^%]/g) ?? [], (part) =>
    part.length > 1 ? parseInt(part.slice(1), 16) : part.charCodeAt(0));
