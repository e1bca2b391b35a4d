// SPDX-License-Identifier: Apache-2.0
import { feathers } from '@feathersjs/feathers';
import express, { errorHandler, json, rest } from '@feathersjs/express';
import { Messages } from './feathers-messages.mjs';
import { announce, host, port } from './announce.cjs';

const app = express(feathers());
app.use(json());
app.configure(rest());
app.use('messages', new Messages());
app.use(errorHandler({ logger: false, html: false }));
announce(await new Promise((resolve) => app.listen(port, host).then((server) => server.listening ? resolve(server) : server.once('listening', () => resolve(server)))));
