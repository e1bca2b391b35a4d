// SPDX-License-Identifier: Apache-2.0
// URLPattern: matching, groups, and what is said of bad patterns.
'use strict';
const pattern = new URLPattern({ pathname: '/books/:id(\\d+)' });
console.log(pattern === require('node:url') || require('node:url').URLPattern === URLPattern);
console.log(pattern.test('https://example.com/books/12'), pattern.test('https://example.com/books/x'));
console.log(pattern.exec('https://example.com/books/12').pathname.groups.id, pattern.exec('https://example.com/'), pattern.hasRegExpGroups);
console.log(new URLPattern('/a/*', 'https://example.com').hostname, new URLPattern('/A', 'https://example.com', { ignoreCase: true }).test('https://example.com/a'));
try {
  new URLPattern({ pathname: '/(' });
} catch (error) {
  console.log(error instanceof TypeError, error.code);
}
