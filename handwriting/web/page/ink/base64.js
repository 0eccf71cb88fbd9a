// Bytes of base64, also where a worker or a program has no atob.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Map([...ALPHABET].map((character, value) => [character, value]));

/**
 * @param {string} text
 * @returns {Uint8Array}
 * @throws {Error} it is no base64
 */
export function bytesOfBase64(text) {
  const digits = text.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let [at, kept, bits] = [0, 0, 0];
  for (const digit of digits) {
    const value = VALUES.get(digit);
    if (value === undefined) throw new Error("it is no base64");
    kept = ((kept << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (kept >> bits) & 0xff;
    }
  }
  return bytes;
}
