// SPDX-License-Identifier: Apache-2.0
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { host, port } from './announce.cjs';

const server = new ApolloServer({
  typeDefs: 'type Book { title: String! author: String! } type Query { books(author: String): [Book!]! } type Mutation { add(title: String!, author: String!): Book! }',
  resolvers: (() => {
    const books = [{ title: 'TCP', author: 'Stevens' }];
    return {
      Query: { books: (parent, { author }) => books.filter((book) => !author || book.author === author) },
      Mutation: { add(parent, book) { books.push(book); return book; } },
    };
  })(),
});
const { url } = await startStandaloneServer(server, { listen: { port, host } });
console.log(`listening on http://${host}:${new URL(url).port}`);
