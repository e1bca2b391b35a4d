// SPDX-License-Identifier: Apache-2.0
import { initTRPC, TRPCError } from '@trpc/server';
import { createHTTPServer } from '@trpc/server/adapters/standalone';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { announce, host, port } from './announce.cjs';

const t = initTRPC.create();
const router = t.router({
  hello: t.procedure.input((value) => String(value)).query(({ input }) => `hello ${input}`),
  add: t.procedure.input((value) => value).mutation(({ input }) => input.a + input.b),
  fail: t.procedure.query(() => { throw new TRPCError({ code: 'FORBIDDEN', message: 'no' }); }),
  // The client in the same process, through the listener.
  run: t.procedure.query(async () => {
    const client = createTRPCClient({ links: [httpBatchLink({ url: `http://${host}:${server.address().port}` })] });
    return [await client.hello.query('client'), await client.add.mutate({ a: 2, b: 3 }), await client.fail.query().catch((error) => error.data.httpStatus)];
  }),
});
const server = createHTTPServer({ router });
server.listen(port, host);
if (server.listening) announce(server);
else server.once('listening', () => announce(server));
