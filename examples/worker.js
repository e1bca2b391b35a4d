// SPDX-License-Identifier: Apache-2.0
// The worker convention: a default export with fetch(). It is served on port 8080, or on PORT.
//
//   ./dev run examples/worker.js
//   curl http://127.0.0.1:8080/hello?name=you
//   curl -d 'some text' http://127.0.0.1:8080/upper
export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === '/hello') {
      return new Response(`Hello, ${url.searchParams.get('name') ?? 'world'}\n`);
    }
    if (url.pathname === '/upper' && request.method === 'POST') {
      return new Response((await request.text()).toUpperCase(), { headers: { 'Content-Type': 'text/plain' } });
    }
    if (url.pathname === '/headers') {
      return Response.json(Object.fromEntries(request.headers));
    }
    return new Response('There are /hello, /upper and /headers\n', { status: 404 });
  },
};
