// SPDX-License-Identifier: Apache-2.0
// Streams that are transferred to another thread: both sides talk over a message channel (Streams Standard, section 8.2).
'use strict';

const { MessageChannel } = require('internal/node/messaging');
const { DOMException } = require('internal/event_target');
const streams = require('internal/node/web_streams');
const { kState: k, kPrivate, createReadable, createWritable, enqueueDefault, closeDefault, errorDefault, errorIfNeeded, pipe, handled, deferred } = streams;

function send(port, type, value) { port.postMessage({ type, value }); }
function sendError(port, reason) {
  try {
    send(port, 'error', reason);
  } catch (error) {
    try {
      send(port, 'error', error);
    } catch {
      send(port, 'error', undefined);
    }
    throw error;
  }
}

// `kept`: whoever reads waits for it, so that the program does not end meanwhile.
function readableOver(port, kept = true) {
  let stream;
  port.onmessage = ({ data: { type, value } }) => {
    const { controller } = stream[k];
    port.unref();
    if (type === 'chunk') enqueueDefault(controller, value);
    else if (type === 'close') {
      closeDefault(controller);
      port.close();
    } else if (type === 'error') {
      errorDefault(controller, value);
      port.close();
    }
  };
  port.onmessageerror = () => {
    const error = new DOMException('Internal transferred ReadableStream error', 'DataCloneError');
    send(port, 'error', error);
    errorDefault(stream[k].controller, error);
    port.close();
  };
  port.unref();
  stream = createReadable(() => {}, async () => {
    send(port, 'pull');
    if (kept) port.ref();
  }, async (reason) => {
    try {
      sendError(port, reason);
    } finally {
      port.close();
    }
  }, 0);
  return stream;
}

function writableOver(port, kept = true) {
  let stream;
  let backpressure = deferred();
  port.onmessage = ({ data: { type, value } }) => {
    if (type === 'pull') {
      backpressure?.resolve();
      backpressure = undefined;
    } else if (type === 'error') {
      errorIfNeeded(stream[k].controller, value);
      backpressure?.resolve();
      backpressure = undefined;
    }
  };
  port.onmessageerror = () => {
    const error = new DOMException('Internal transferred WritableStream error', 'DataCloneError');
    send(port, 'error', error);
    errorIfNeeded(stream[k].controller, error);
    port.close();
  };
  port.unref();
  stream = createWritable(() => {}, async (chunk) => {
    if (kept) port.ref();
    if (backpressure !== undefined) await backpressure.promise;
    backpressure = deferred();
    try {
      send(port, 'chunk', chunk);
    } catch (error) {
      sendError(port, error);
      port.close();
      throw error;
    }
    port.unref();
  }, async () => {
    send(port, 'close');
    port.close();
  }, async (reason) => {
    try {
      sendError(port, reason);
    } finally {
      port.close();
    }
  });
  return stream;
}

const portsOfStream = new WeakMap();
// The far ends of the channels, which go along; called before the transfer itself.
function portsOf(stream) {
  const count = streams.isTransformStream(stream) ? 2 : 1;
  const channels = [];
  for (let i = 0; i < count; i++) channels.push(new MessageChannel());
  portsOfStream.set(stream, channels);
  return channels.map(({ port2 }) => port2);
}

function transferReadable(stream) {
  const [{ port1, port2 }] = portsOfStream.get(stream);
  handled(pipe(stream, writableOver(port1, false), {}));
  return { data: port2, deserializeInfo: 'internal/webstreams:ReadableStream' };
}
function transferWritable(stream) {
  const [{ port1, port2 }] = portsOfStream.get(stream);
  handled(pipe(readableOver(port1, false), stream, {}));
  return { data: port2, deserializeInfo: 'internal/webstreams:WritableStream' };
}
function transferTransform(stream) {
  const [first, second] = portsOfStream.get(stream);
  handled(pipe(stream.readable, writableOver(first.port1, false), {}));
  handled(pipe(readableOver(second.port1, false), stream.writable, {}));
  return { data: [first.port2, second.port2], deserializeInfo: 'internal/webstreams:TransformStream' };
}

module.exports = {
  portsOf, transferReadable, transferWritable, transferTransform, reviveReadable: (port) => readableOver(port), reviveWritable: (port) => writableOver(port),
  reviveTransform: ([readable, writable]) => new streams.TransformStream(kPrivate, readableOver(readable), writableOver(writable)),
};
