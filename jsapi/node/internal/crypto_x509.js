// SPDX-License-Identifier: Apache-2.0
// X509Certificate, and Certificate (SPKAC).
'use strict';

const { Buffer } = require('node:buffer');
const { codes } = require('internal/errors');
const { validateBoolean, validateObject, validateString } = require('internal/validators');
const { asBuffer, getArrayBufferOrView, isStringOrBuffer } = require('internal/node/crypto_util');
const { PublicKeyObject, isKeyObject, kHandle: kKeyHandle } = require('internal/node/crypto_keys');
const { inspect } = require('internal/inspect');
const native = internalBinding('crypto');

// X509_check_host's flags
const FLAGS = { ALWAYS_CHECK_SUBJECT: 1, NO_WILDCARDS: 2, NO_PARTIAL_WILDCARDS: 4, MULTI_LABEL_WILDCARDS: 8, SINGLE_LABEL_SUBDOMAINS: 16, NEVER_CHECK_SUBJECT: 32 };

function flagsOf(options) {
  if (options === undefined) return 0;
  validateObject(options, 'options');
  const { subject = 'default', wildcards = true, partialWildcards = true, multiLabelWildcards = false, singleLabelSubdomains = false } = options;
  validateString(subject, 'options.subject');
  for (const [name, value] of Object.entries({ wildcards, partialWildcards, multiLabelWildcards, singleLabelSubdomains })) validateBoolean(value, `options.${name}`);
  let flags = 0;
  if (subject === 'always') flags |= FLAGS.ALWAYS_CHECK_SUBJECT;
  else if (subject === 'never') flags |= FLAGS.NEVER_CHECK_SUBJECT;
  else if (subject !== 'default') throw new codes.ERR_INVALID_ARG_VALUE('options.subject', subject);
  if (!wildcards) flags |= FLAGS.NO_WILDCARDS;
  if (!partialWildcards) flags |= FLAGS.NO_PARTIAL_WILDCARDS;
  if (multiLabelWildcards) flags |= FLAGS.MULTI_LABEL_WILDCARDS;
  if (singleLabelSubdomains) flags |= FLAGS.SINGLE_LABEL_SUBDOMAINS;
  return flags;
}

// The parts of a name as an object; what occurs again becomes an array.
function nameObject(parts) {
  const result = { __proto__: null };
  for (let i = 0; i < parts.length; i += 2) {
    const before = result[parts[i]];
    if (before === undefined) result[parts[i]] = parts[i + 1];
    else if (Array.isArray(before)) before.push(parts[i + 1]);
    else result[parts[i]] = [before, parts[i + 1]];
  }
  return result;
}
function accessObject(text) {
  if (text === undefined) return undefined;
  const result = { __proto__: null };
  for (const match of text.matchAll(/([^\n:]*):([^\n]*)(?:\n|$)/g)) {
    const value = match[2].startsWith('"') ? JSON.parse(match[2]) : match[2];
    (result[match[1]] ??= []).push(value);
  }
  return result;
}

class X509Certificate {
  #handle;
  #info;
  #publicKey;
  constructor(buffer) {
    if (typeof buffer === 'string') buffer = Buffer.from(buffer);
    if (!ArrayBuffer.isView(buffer)) throw new codes.ERR_INVALID_ARG_TYPE('buffer', ['string', 'Buffer', 'TypedArray', 'DataView'], buffer);
    this.#handle = native.x509Make(buffer);
  }
  get #all() { return this.#info ??= native.x509Info(this.#handle); }
  get subject() { return this.#all.subject; }
  get subjectAltName() { return this.#all.subjectAltName; }
  get issuer() { return this.#all.issuer; }
  get issuerCertificate() { return undefined; }
  get infoAccess() { return this.#all.infoAccess; }
  get validFrom() { return this.#all.validFrom; }
  get validTo() { return this.#all.validTo; }
  get validFromDate() { return new Date(this.#all.validFromMs); }
  get validToDate() { return new Date(this.#all.validToMs); }
  get fingerprint() { return this.#all.fingerprint; }
  get fingerprint256() { return this.#all.fingerprint256; }
  get fingerprint512() { return this.#all.fingerprint512; }
  get keyUsage() { return this.#all.keyUsage; }
  get serialNumber() { return this.#all.serialNumber; }
  get signatureAlgorithm() { return this.#all.signatureAlgorithm; }
  get signatureAlgorithmOid() { return this.#all.signatureAlgorithmOid; }
  get raw() { return Buffer.from(this.#all.raw); }
  get publicKey() { return this.#publicKey ??= new PublicKeyObject(native.x509PublicKey(this.#handle)); }
  get ca() { return this.#all.ca; }
  toString() { return this.#all.pem; }
  toJSON() { return this.toString(); }
  #check(which, name, value, options) {
    validateString(value, name);
    const result = native.x509Check(this.#handle, which, value, flagsOf(options));
    if (result === null) throw new codes.ERR_INVALID_ARG_VALUE(name, value);
    return result === false ? undefined : result === true ? value : result;
  }
  checkHost(name, options) { return this.#check(0, 'name', name, options); }
  checkEmail(email, options) { return this.#check(1, 'email', email, options); }
  checkIP(ip, options) { return this.#check(2, 'ip', ip, options); }
  checkIssued(other) {
    if (!isX509Certificate(other)) throw new codes.ERR_INVALID_ARG_TYPE('otherCert', 'X509Certificate', other);
    return native.x509CheckIssued(this.#handle, other.#handle);
  }
  checkPrivateKey(key) {
    if (!isKeyObject(key)) throw new codes.ERR_INVALID_ARG_TYPE('pkey', 'KeyObject', key);
    if (key.type !== 'private') throw new codes.ERR_INVALID_ARG_VALUE('pkey', key);
    return native.x509CheckPrivate(this.#handle, key[kKeyHandle]);
  }
  verify(key) {
    if (!isKeyObject(key)) throw new codes.ERR_INVALID_ARG_TYPE('pkey', 'KeyObject', key);
    if (key.type !== 'public') throw new codes.ERR_INVALID_ARG_VALUE('pkey', key);
    return native.x509Verify(this.#handle, key[kKeyHandle]);
  }
  toLegacyObject() {
    const all = this.#all;
    const result = { subject: nameObject(all.subjectParts), issuer: nameObject(all.issuerParts) };
    if (all.subjectAltName !== undefined) result.subjectaltname = all.subjectAltName;
    const access = accessObject(all.infoAccess?.replaceAll(' - ', ' - '));
    if (access !== undefined) result.infoAccess = access;
    result.ca = all.ca;
    for (const [name, value] of [
      ['modulus', all.modulus], ['bits', all.asn1Curve !== undefined || all.modulus !== undefined ? all.bits : undefined], ['exponent', all.exponent],
      ['pubkey', all.modulus !== undefined && all.pubkey ? Buffer.from(all.pubkey) : all.point ? Buffer.from(all.point) : undefined],
      ['asn1Curve', all.asn1Curve], ['nistCurve', all.nistCurve],
    ]) if (value !== undefined) result[name] = value;
    Object.assign(result, {
      valid_from: all.validFrom, valid_to: all.validTo, fingerprint: all.fingerprint, fingerprint256: all.fingerprint256, fingerprint512: all.fingerprint512,
    });
    if (all.keyUsage !== undefined) result.ext_key_usage = all.keyUsage;
    result.serialNumber = all.serialNumber;
    result.raw = this.raw;
    return result;
  }
  [inspect.custom](depth, options) {
    if (depth < 0) return this;
    const shown = {};
    for (const name of ['subject', 'subjectAltName', 'issuer', 'infoAccess', 'validFrom', 'validTo', 'validFromDate', 'validToDate', 'fingerprint', 'fingerprint256',
      'fingerprint512', 'keyUsage', 'serialNumber', 'signatureAlgorithm', 'signatureAlgorithmOid']) shown[name] = this[name];
    return `X509Certificate ${inspect(shown, { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
  }
  static isOne(value) { return typeof value === 'object' && value !== null && #handle in value; }
}
const isX509Certificate = X509Certificate.isOne;
delete X509Certificate.isOne;

// ---- SPKAC

const bytesOf = (spkac, encoding) => {
  if (!isStringOrBuffer(spkac)) throw new codes.ERR_INVALID_ARG_TYPE('spkac', ['string', 'ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], spkac);
  return getArrayBufferOrView(spkac, 'spkac', encoding);
};
const verifySpkac = (spkac, encoding) => native.spkacVerify(bytesOf(spkac, encoding));
function exportPublicKey(spkac, encoding) {
  const bytes = native.spkacPublicKey(bytesOf(spkac, encoding));
  return bytes === undefined ? '' : asBuffer(bytes);
}
function exportChallenge(spkac, encoding) {
  const bytes = native.spkacChallenge(bytesOf(spkac, encoding));
  return bytes === undefined ? '' : asBuffer(bytes);
}
function Certificate() {
  if (!new.target && !(this instanceof Certificate)) return new Certificate();
}
Object.assign(Certificate.prototype, { verifySpkac, exportPublicKey, exportChallenge });
Object.assign(Certificate, { verifySpkac, exportPublicKey, exportChallenge });

module.exports = { X509Certificate, Certificate, isX509Certificate };
