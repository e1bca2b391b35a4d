// SPDX-License-Identifier: Apache-2.0
import { NotFound } from '@feathersjs/errors';

export class Messages {
  all = [];
  async find() { return this.all; }
  async get(id) {
    if (!this.all[id]) throw new NotFound('none of that id');
    return this.all[id];
  }
  async create(data) {
    const message = { id: this.all.length, ...data };
    this.all.push(message);
    return message;
  }
}
