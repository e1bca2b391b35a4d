// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import { announce, host, port } from './announce.cjs';

const yoga = createYoga({
  logging: false,
  schema: createSchema({
    typeDefs: 'type Query { hello(name: String): String! } type Subscription { count(to: Int!): Int! }',
    resolvers: {
      Query: { hello: (parent, { name }) => `hello ${name || 'world'}` },
      Subscription: { count: { async * subscribe(parent, { to }) { for (let i = 1; i <= to; i++) yield { count: i }; } } },
    },
  }),
});
const server = createServer(yoga);
server.listen(port, host, () => announce(server));
