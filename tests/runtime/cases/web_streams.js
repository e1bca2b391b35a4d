// SPDX-License-Identifier: Apache-2.0
// Streams of the web, Blob and FormData, and what Node's streams become of them.
const { Readable, Writable, Duplex, pipeline } = require('stream');
const { text } = require('stream/consumers');
const all = async (stream) => {
  const out = [];
  for await (const each of stream) out.push(each);
  return out;
};
(async () => {
  const steps = [];
  const slow = new WritableStream({ async write(chunk) { steps.push(`write ${chunk}`); await null; }, close() { steps.push('close'); }, abort(reason) { steps.push(`abort ${reason}`); } }, new CountQueuingStrategy({ highWaterMark: 2 }));
  await ReadableStream.from(['a', 'b', 'c']).pipeThrough(new TransformStream({ transform(chunk, controller) { controller.enqueue(chunk.toUpperCase()); } })).pipeTo(slow);
  console.log(steps.join(', '));

  const [left, right] = ReadableStream.from([1, 2, 3]).tee();
  console.log(await all(left), await all(right));

  // Bytes go where the reader wants them, also when they come in other portions.
  let number = 0;
  const bytes = new ReadableStream({ type: 'bytes', pull(controller) {
    if (number === 6) {
      controller.close();
      controller.byobRequest?.respond(0);
    } else {
      controller.enqueue(new Uint8Array([++number, ++number, ++number]));
    }
  } });
  const reader = bytes.getReader({ mode: 'byob' });
  console.log(await reader.read(new Uint8Array(2)), await reader.read(new Uint16Array(4), { min: 2 }), await reader.read(new Uint8Array(8)));

  const failing = new ReadableStream({ pull(controller) { controller.error(new RangeError('gone')); } });
  console.log(await failing.pipeTo(new WritableStream({ abort(reason) { console.log('aborted', reason.message); } })).catch((error) => error.name));
  console.log(await new ReadableStream().getReader.call({}).catch?.(() => 0) ?? 0);
})().catch((error) => console.log(error.code)).then(async () => {
  const moved = ReadableStream.from(['over', 'there']);
  console.log(await all(structuredClone(moved, { transfer: [moved] })), moved.locked);

  const blob = new Blob(['hello ', new Blob(['wide ']), new Uint8Array([119, 111, 114, 108, 100])], { type: 'TEXT/plain' });
  console.log(blob, await blob.text(), await blob.slice(-5).text(), (await all(blob.stream())).map((each) => each.length));
  console.log(await structuredClone(new File([blob], 'a.txt', { lastModified: 5 })).text());
  const form = new FormData();
  form.append('a', 1);
  form.append('a', blob);
  form.set('b', 'x');
  console.log([...form.keys()], form.get('a'), form.getAll('a')[1].name);
  const response = new Response(form);
  const again = await response.formData();
  console.log(response.headers.get('content-type').replace(/boundary=.*/, 'boundary'), [...again.keys()], await again.getAll('a')[1].text(), (await new Response(blob).blob()).type);
  console.log((await new Request('http://x/', { method: 'POST', body: new URLSearchParams('q=1&q=2') }).formData()).getAll('q'), await new Response('no').formData().catch((error) => error.name));
  const url = URL.createObjectURL(blob);
  console.log(require('buffer').resolveObjectURL(url).size, URL.revokeObjectURL(url), require('buffer').resolveObjectURL(url));

  console.log(await text(Readable.fromWeb(ReadableStream.from(['from ', 'web']))), await text(Readable.toWeb(Readable.from(['to ', 'web']))));
  const out = [];
  await new Promise((resolve, reject) => {
    pipeline(Readable.from(['p', 'q']), Duplex.fromWeb(new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk) })),
      Writable.fromWeb(new WritableStream({ write(chunk) { out.push(Buffer.from(chunk).toString()); } })), (error) => error ? reject(error) : resolve());
  });
  console.log(out);
});
