// SPDX-License-Identifier: Apache-2.0
'use strict';
const assert = require('node:assert');
const express = require('express');
const request = require('supertest');
const { runOnRequest } = require('./announce.cjs');

const app = express();
app.use(express.json());
app.get('/user', (req, res) => res.status(200).json({ name: 'john' }));
app.post('/user', (req, res) => res.status(201).json(req.body));
runOnRequest({
  async get() { await request(app).get('/user').expect('Content-Type', /json/).expect('Content-Length', '15').expect(200, { name: 'john' }); },
  async post() { await request(app).post('/user').send({ name: 'ada' }).expect(201, { name: 'ada' }); },
  async missing() { await request(app).get('/nothing').expect(404); },
  async wrong() { await assert.rejects(request(app).get('/user').expect(500).then(() => {}), /expected 500 "Internal Server Error", got 200 "OK"/); },
  async agent() {
    const agent = request.agent(app);
    await agent.get('/user').expect(200);
    await agent.get('/user').expect(200);
  },
});
