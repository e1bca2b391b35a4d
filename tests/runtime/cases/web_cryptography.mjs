// SPDX-License-Identifier: Apache-2.0
// crypto.subtle: a key is wrapped and comes back; the counter wraps within its own bits; what a script writes into a key does not count.
const { subtle } = crypto;
const hex = (bytes) => Buffer.from(bytes).toString('hex');

const wrapping = await subtle.importKey('raw', new Uint8Array(16), 'AES-KW', false, ['wrapKey', 'unwrapKey']);
const key = await subtle.generateKey({ name: 'AES-CTR', length: 128 }, true, ['encrypt', 'decrypt']);
const wrapped = await subtle.wrapKey('jwk', key, wrapping, 'AES-KW');
const back = await subtle.unwrapKey('jwk', wrapped, wrapping, 'AES-KW', 'AES-CTR', true, ['encrypt']);
console.log(hex(await subtle.exportKey('raw', back)) === hex(await subtle.exportKey('raw', key)));

// Two bits of counter: four blocks and no more, the upper bits stay.
const zeros = new Uint8Array(64);
const counter = new Uint8Array(16).fill(255);
const at = (bits, block) => subtle.encrypt({ name: 'AES-CTR', counter: Uint8Array.from(counter, (byte, i) => i === 15 ? block : byte), length: bits }, key, zeros.subarray(0, 16));
const stream = hex(await subtle.encrypt({ name: 'AES-CTR', counter, length: 2 }, key, zeros));
const expected = [255, 252, 253, 254];
for (let i = 0; i < 4; i++) console.log(stream.slice(i * 32, i * 32 + 32) === hex(await at(128, expected[i])));
await subtle.encrypt({ name: 'AES-CTR', counter, length: 2 }, key, new Uint8Array(65)).catch((error) => console.log(error.name));

const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
pair.privateKey.usages.length = 0;
pair.privateKey.algorithm.name = 'none';
const signature = await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, zeros);
console.log(signature.byteLength, await subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, pair.publicKey, signature, zeros));
await subtle.exportKey('pkcs8', pair.privateKey).catch((error) => console.log(error.message));
