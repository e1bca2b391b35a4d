// SPDX-License-Identifier: Apache-2.0
// node:stream/consumers: a whole stream as one value.
'use strict';

const { Buffer } = require('node:buffer');

async function buffer(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(typeof piece === 'string' ? Buffer.from(piece) : piece instanceof ArrayBuffer ? Buffer.from(piece) : piece);
  return Buffer.concat(pieces);
}

async function arrayBuffer(stream) {
  const whole = await buffer(stream);
  return whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.byteLength);
}

async function text(stream) {
  const decoder = new TextDecoder();
  let out = '';
  for await (const piece of stream) out += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
  return out + decoder.decode();
}

module.exports = {
  arrayBuffer, buffer, text,
  async blob(stream) {
    const { Blob } = require('internal/node/blob');
    const pieces = [];
    for await (const piece of stream) pieces.push(piece);
    return new Blob(pieces);
  },
  async bytes(stream) { return new Uint8Array(await arrayBuffer(stream)); },
  async json(stream) { return JSON.parse(await text(stream)); },
};
