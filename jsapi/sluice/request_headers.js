// SPDX-License-Identifier: Apache-2.0
// The `headers` object of a message, with Node's rules for fields that come more than once. For names in an order that was
// seen before, an object literal is compiled, so that the object is one allocation with the shape of all others like it.
'use strict';

// Fields of which the first one counts.
const FIRST = new Set([
  'age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
  'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer', 'retry-after', 'server',
  'user-agent',
]);

// values: those of one name, in order.
function combine(name, values) {
  if (name === 'set-cookie') return values;
  if (values.length === 1 || FIRST.has(name)) return values[0];
  return values.join(name === 'cookie' ? '; ' : ', ');
}

// Pairs [name, value, ...] with lower-cased or other names.
function fromPairs(pairs, begin) {
  const headers = {};
  for (let i = begin; i + 1 < pairs.length; i += 2) {
    const name = pairs[i].toLowerCase(), value = pairs[i + 1];
    if (name === '__proto__') continue;
    if (name === 'set-cookie') {
      if (headers[name] === undefined) headers[name] = [value];
      else headers[name].push(value);
    } else if (!Object.prototype.hasOwnProperty.call(headers, name)) {
      headers[name] = value;
    } else if (!FIRST.has(name)) {
      headers[name] += `${name === 'cookie' ? '; ' : ', '}${value}`;
    }
  }
  return headers;
}

// The function that makes the object from [shape, value, ...] for a shape's names.
function compile(names) {
  const places = new Map();
  names.forEach((name, i) => {
    if (name === '__proto__') return;
    if (places.has(name)) places.get(name).push(`v[${i + 1}]`);
    else places.set(name, [`v[${i + 1}]`]);
  });
  let literal = '';
  for (const [name, values] of places) {
    let expression;
    if (name === 'set-cookie') expression = `[${values.join(',')}]`;
    else if (FIRST.has(name)) expression = values[0];
    else expression = values.join(name === 'cookie' ? "+'; '+" : "+', '+");
    literal += `${JSON.stringify(name)}:${expression},`;
  }
  return new Function('v', `return {${literal}}`);
}

exports.fromPairs = fromPairs;
exports.compile = compile;
exports.combine = combine;
