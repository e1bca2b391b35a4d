// SPDX-License-Identifier: Apache-2.0
// Explicit resource management for an engine that does not parse it yet: `using` and `await using` become `const` and a stack of what
// is to be disposed of (ECMAScript 2026, section 14.2). Asked only for a text that the engine refused. Nothing is put on a line of its own,
// so that lines stay what they were. Left as they are: `using` in the clauses of a switch, in heads of `for (;;)`, and
// beside `export` at the top of a module.
'use strict';

const { parse } = require('npm/acorn/dist/acorn');

const isUsing = (node) => node.type === 'VariableDeclaration' && (node.kind === 'using' || node.kind === 'await using');

function childrenOf(node) {
  const children = [];
  for (const key of Object.keys(node)) {
    const value = node[key];
    if (Array.isArray(value)) {
      for (const each of value) if (each !== null && typeof each === 'object' && typeof each.type === 'string') children.push(each);
    } else if (value !== null && typeof value === 'object' && typeof value.type === 'string') {
      children.push(value);
    }
  }
  return children;
}

class Rewriter {
  #edits = [];  // [position, end, text], not in order
  #count = 0;

  constructor(source) { this.source = source; }

  insert(at, text) { this.#edits.push([at, at, text]); }
  replace(start, end, text) { this.#edits.push([start, end, text]); }

  // `body`: statements of a block whose text reaches from `start` to `end`. False: one of them is exported.
  wrap(body, start, end) {
    if (body.some((node) => node.type.startsWith('Export'))) return false;
    const name = `__using${this.#count++}`;
    const waits = body.some((node) => isUsing(node) && node.kind === 'await using');
    const imports = body.filter((node) => node.type === 'ImportDeclaration');
    if (imports.length > 0) start = imports[imports.length - 1].end;
    for (const node of body) if (node.directive !== undefined && node.end > start) start = node.end;
    // In the order of what they are at one place.
    this.#begin(start, name, waits);
    for (const node of body) if (isUsing(node)) this.#declare(node, name);
    this.#end(end, name, waits);
    return true;
  }

  // for (using x of y) z
  wrapLoop(node) {
    const name = `__using${this.#count++}`, { left, body } = node;
    const waits = left.kind === 'await using', { id } = left.declarations[0];
    this.replace(left.start, left.end, `const ${name}v`);
    this.insert(body.start, '{');
    this.#begin(body.start, name, waits, `const ${this.source.slice(id.start, id.end)}=${name}.use(${name}v);`);
    this.#end(body.end, name, waits);
    this.insert(body.end, '}');
  }

  #declare(node, name) {
    this.replace(node.start, node.declarations[0].start, 'const ');
    for (const { init } of node.declarations) {
      this.insert(init.start, `${name}.use(`);
      this.insert(init.end, ')');
    }
  }

  #begin(at, name, waits, more = '') {
    this.insert(at, `const ${name}=new ${waits ? 'Async' : ''}DisposableStack();try{${more}`);
  }
  // An error of the block is disposed of first, so that those of the resources suppress it, as section 14.2.2 has it.
  #end(at, name, waits) {
    this.insert(at, `}catch(${name}e){${name}.defer(()=>{throw ${name}e})}finally{${waits ? `await ${name}.disposeAsync()` : `${name}.dispose()`}}`);
  }

  text() {
    const edits = this.#edits.map((edit, i) => [...edit, i]).sort((a, b) => a[0] - b[0] || a[3] - b[3]);
    let result = '', at = 0;
    for (const [start, end, text] of edits) {
      result += this.source.slice(at, start) + text;
      at = end;
    }
    return result + this.source.slice(at);
  }
}

// The text in the language of the engine; undefined: there is nothing in it that this knows to change.
function downlevel(source, isModule) {
  if (!/\busing\b/.test(source)) return undefined;
  let program;
  try {
    program = parse(source, {
      ecmaVersion: 'latest', sourceType: isModule ? 'module' : 'script', allowReturnOutsideFunction: true, allowHashBang: true, allowSuperOutsideMethod: true,
    });
  } catch {
    return undefined;
  }
  const rewriter = new Rewriter(source);
  let changed = false;
  const visit = (node) => {
    const block = node.type === 'BlockStatement' || node.type === 'StaticBlock' || node.type === 'Program';
    if (block && node.body.some(isUsing)) {
      const whole = node.type === 'Program';
      const start = whole ? 0 : source.indexOf('{', node.start) + 1, end = whole ? source.length : node.end - 1;
      if (rewriter.wrap(node.body, start, end)) changed = true;
    } else if (node.type === 'ForOfStatement' && isUsing(node.left)) {
      rewriter.wrapLoop(node);
      changed = true;
    }
    for (const child of childrenOf(node)) visit(child);
  };
  visit(program);
  return changed ? rewriter.text() : undefined;
}

module.exports = { downlevel };
