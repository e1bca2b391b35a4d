// SPDX-License-Identifier: Apache-2.0
// Decorators are called by hand, as TypeScript's compiler emits them.
import 'reflect-metadata';
import { Body, Controller, Get, Injectable, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { announce, host, port } from './announce.cjs';

function decorate(target, name, types, parameters, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  parameters.forEach((parameter, index) => parameter(target, name, index));
  Reflect.defineMetadata('design:paramtypes', types, target, name);
  for (const decorator of decorators) decorator(target, name, descriptor);
}
class Greetings {
  greet(name) { return `hello from nest, ${name}`; }
}
Injectable()(Greetings);
class Root {
  constructor(greetings) { this.greetings = greetings; }
  index() { return this.greetings.greet('you'); }
  user(id) { return { id }; }
  create(body) { return body; }
  fail() { throw new Error('on purpose'); }
}
Reflect.defineMetadata('design:paramtypes', [Greetings], Root);
Controller()(Root);
decorate(Root.prototype, 'index', [], [], Get('/'));
decorate(Root.prototype, 'user', [String], [Param('id')], Get('/user/:id'));
decorate(Root.prototype, 'create', [Object], [Body()], Post('/json'));
decorate(Root.prototype, 'fail', [], [], Get('/fail'));
class App {}
Module({ controllers: [Root], providers: [Greetings] })(App);
const app = await NestFactory.create(App, { logger: false });
await app.listen(port, host);
announce(app.getHttpServer());
