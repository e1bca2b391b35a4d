// SPDX-License-Identifier: Apache-2.0
// Vectors that specifications give, keys through all of their forms, and what happens while the pool works.
'use strict';
const crypto = require('crypto');

const hex = (text) => Buffer.from(text, 'hex');
// FIPS 180-4, RFC 4231 case 2, RFC 7914 section 12, RFC 5869 A.1, RFC 6070, RFC 8439 section 2.8.2
console.log(crypto.createHash('sha256').update('a').update('bc').digest('hex'));
console.log(crypto.hash('sha256', 'abc') === crypto.createHash('sha256').update('abc').copy().digest('hex'));
console.log(crypto.createHmac('sha256', 'Jefe').update('what do ya want for nothing?').digest('hex'));
console.log(crypto.scryptSync('password', 'NaCl', 16, { N: 1024, r: 8, p: 16 }).toString('hex'));
console.log(Buffer.from(crypto.hkdfSync('sha256', hex('0b'.repeat(22)), hex('000102030405060708090a0b0c'), hex('f0f1f2f3f4f5f6f7f8f9'), 16)).toString('hex'));
console.log(crypto.pbkdf2Sync('password', 'salt', 2, 20, 'sha1').toString('hex'));
{
  const key = hex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
  const cipher = crypto.createCipheriv('chacha20-poly1305', key, hex('070000004041424344454647'), { authTagLength: 16 });
  cipher.setAAD(hex('50515253c0c1c2c3c4c5c6c7'));
  cipher.update("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.");
  cipher.final();
  console.log(cipher.getAuthTag().toString('hex'));
}
// RFC 8032 section 7.1, test 2
{
  const key = crypto.createPrivateKey({
    key: { kty: 'OKP', crv: 'Ed25519', d: hex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb').toString('base64url'), x: hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c').toString('base64url') },
    format: 'jwk',
  });
  console.log(crypto.sign(null, hex('72'), key).toString('hex').slice(0, 32));
}

// The same key in all of its forms.
for (const [type, options] of [['rsa', { modulusLength: 1024 }], ['ec', { namedCurve: 'P-256' }], ['ed25519', {}], ['x448', {}]]) {
  const { privateKey, publicKey } = crypto.generateKeyPairSync(type, options);
  const forms = [
    privateKey.export({ type: 'pkcs8', format: 'pem' }),
    { key: privateKey.export({ type: 'pkcs8', format: 'der' }), format: 'der', type: 'pkcs8' },
    { key: privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'word' }), passphrase: 'word' },
    { key: privateKey.export({ format: 'jwk' }), format: 'jwk' },
  ];
  const shown = [publicKey.export({ type: 'spki', format: 'pem' }), { key: publicKey.export({ format: 'jwk' }), format: 'jwk' }, privateKey, ...forms];
  console.log(type, forms.map((form) => crypto.createPrivateKey(form).equals(privateKey)).join(), shown.map((form) => crypto.createPublicKey(form).equals(publicKey)).join());
}

// Changed while it is worked on: what counts is what was given.
const message = Buffer.from('message');
const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
crypto.sign('sha256', message, privateKey, (error, signature) => {
  console.log(error, crypto.verify('sha256', Buffer.from('message'), publicKey, signature));
  for (const broken of [{ key: 'x' }, { key: privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'a' }), passphrase: 'b' }]) {
    try {
      crypto.createPrivateKey(broken);
    } catch (failure) {
      console.log(failure.code, failure.library);
    }
  }
  // The program ends while the pool works.
  for (let i = 0; i < 4; i++) crypto.generateKeyPair('rsa', { modulusLength: 4096 }, () => {});
  process.exit(0);
});
message.fill(0);
