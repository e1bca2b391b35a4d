// SPDX-License-Identifier: Apache-2.0
import { feathers } from '@feathersjs/feathers';
import { bodyParser, errorHandler, koa, rest } from '@feathersjs/koa';
import { Messages } from './feathers-messages.mjs';
import { announce, host, port } from './announce.cjs';

const app = koa(feathers());
app.use(errorHandler());
app.use(bodyParser());
app.configure(rest());
app.use('messages', new Messages());
const server = await app.listen(port, host);
if (server.listening) announce(server);
else server.once('listening', () => announce(server));
