// SPDX-License-Identifier: Apache-2.0
// TypeScript by erasing its types: each character of a type becomes a space, so that lines and columns stay what they were and no
// source map is needed. The parser is sucrase's, which marks what belongs to types. What types alone do not mean (enums,
// namespaces with values, parameter properties, import x = require()) is refused, as in Node's strip-only mode.
'use strict';

const { codes } = require('internal/errors');

const TYPE = 38;  // sucrase's ContextualKeyword._type

let parser;
function load() {
  return parser ??= {
    parse: require('npm/sucrase/dist/parser/index').parse,
    types: require('npm/sucrase/dist/parser/tokenizer/types').TokenType,
    words: require('npm/sucrase/dist/parser/tokenizer/keywords').ContextualKeyword,
  };
}

function unsupported(what) {
  return new codes.ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX(`TypeScript ${what} is not supported in strip-only mode`);
}

function strip(code, filename = '') {
  const { parse, types: tt, words } = load();
  let tokens;
  try {
    ({ tokens } = parse(code, false, true, false));
  } catch (error) {
    const place = error.loc === undefined ? '' : `${filename}:${error.loc.line}:${error.loc.column}: `;
    throw new codes.ERR_INVALID_TYPESCRIPT_SYNTAX(`${place}${String(error.message).replace(/^Error (parsing .*?: )?/, '').replace(/ \(\d+:\d+\)$/, '')}`);
  }
  const pieces = [];
  let at = 0;  // of `code`, up to which it is in `pieces`
  const blank = (start, end, first = '') => {
    if (start < at) start = at;
    if (end <= start) return;
    pieces.push(code.slice(at, start));
    const text = code.slice(start, end).replace(/[^\r\n\u2028\u2029]/g, ' ');
    pieces.push(first !== '' && text.startsWith(' ') ? first + text.slice(1) : text);
    at = end;
  };
  const text = (token) => code.slice(token.start, token.end);
  const newLineBetween = (a, b) => /[\r\n\u2028\u2029]/.test(code.slice(a.end, b.start));
  // Index of the last token of a statement that begins at `i`: its semicolon, or the token before a new line.
  const modifiers = new Set([tt._abstract, tt._private, tt._protected, tt._public, tt._readonly, tt._override, tt._declare]);
  const braces = [];  // open brackets: { type, constructor's parameters? }
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    const { type } = token;
    if (type === tt.eof) break;
    const next = tokens[i + 1];
    const previous = tokens[i - 1];
    if (token.isType) {
      let last = i;
      while (tokens[last + 1].isType) last++;
      const after = tokens[last + 1];
      const startsStatement = previous === undefined || previous.type === tt.semi || previous.type === tt.braceR || previous.type === tt.braceL ||
        newLineBetween(previous, token);
      if (startsStatement) checkNamespaces(i, last);
      let first = '';
      const asExpression = type === tt.name && (token.contextualKeyword === words._as || token.contextualKeyword === words._satisfies);
      if (asExpression && !startsStatement) {
        if (newLineBetween(tokens[last], after) && /^[([`+\-/*<]/.test(text(after))) first = ';';
      } else if (startsStatement && isDeclaration(token) && next.type !== tt.comma && next.type !== tt.braceR && !inNames(i)) {
        first = ';';
      }
      // "(a):\nT =>" may not have its arrow on another line.
      if (previous?.type === tt.parenR && after.type === tt.arrow && /[\r\n]/.test(code.slice(previous.end, after.start))) {
        pieces.push(code.slice(at, previous.start), ' ');
        at = previous.end;
        blank(token.start, tokens[last].end - 1);
        pieces.push(code.slice(at, tokens[last].end - 1), ')');
        at = tokens[last].end;
        i = last;
        continue;
      }
      blank(token.start, tokens[last].end, first);
      // A comma that a type stood before, among names: "{ type A, b }".
      if (after.type === tt.comma && token.contextualKeyword === TYPE && (previous?.type === tt.braceL || previous?.type === tt.comma)) {
        blank(after.start, after.end);
        last++;
      }
      i = last;
      continue;
    }
    if (type === tt.nonNullAssertion) {
      blank(token.start, token.end);
    } else if (type === tt._import && next.contextualKeyword === TYPE && typeOnlyImport(i + 2)) {
      i = blankStatement(i);
    } else if (type === tt._import && next.type === tt.name && tokens[i + 2]?.type === tt.eq) {
      throw unsupported('import equals declaration');
    } else if (type === tt._export && next.contextualKeyword === TYPE && (tokens[i + 2].type === tt.braceL || tokens[i + 2].type === tt.star)) {
      i = blankStatement(i);
    } else if (type === tt._export && next.type === tt.eq) {
      throw unsupported('export assignment');
    } else if (type === tt._enum) {
      throw unsupported('enum');
    } else if (modifiers.has(type)) {
      if (type === tt._declare) {
        // A field that only has a type.
        let last = i;
        while (tokens[last + 1].type !== tt.semi && tokens[last + 1].type !== tt.braceR && !newLineBetween(tokens[last], tokens[last + 1])) last++;
        if (tokens[last + 1].type === tt.semi) last++;
        blank(token.start, tokens[last].end);
        i = last;
        continue;
      }
      const open = braces[braces.length - 1];
      if (open?.type === tt.parenL && open.parameters) throw unsupported('parameter property');
      blank(token.start, token.end, type === tt._abstract || next.type === tt.bracketL || next.type === tt.star ? '' : '');
    } else if (type === tt.parenL || type === tt.braceL || type === tt.bracketL || type === tt.dollarBraceL || type === tt.hashBraceL) {
      braces.push({ type, parameters: type === tt.parenL && previous !== undefined && text(previous) === 'constructor' });
    } else if (type === tt.parenR || type === tt.braceR || type === tt.bracketR) {
      braces.pop();
    }
  }
  pieces.push(code.slice(at));
  return pieces.join('');

  // Among the names of an import or export.
  function inNames(i) {
    return text(tokens[i]) === 'type' && tokens[i + 1].isType && [tt.comma, tt.braceR].includes(tokens[i + 2].type);
  }
  function isDeclaration(token) {
    return ['type', 'interface', 'declare', 'export', 'namespace', 'module', 'function', 'abstract', 'async', 'global'].includes(text(token));
  }
  // "import type X from", "import type { X } from", "import type * as X from", but not "import type from 'x'".
  function typeOnlyImport(i) {
    const after = tokens[i];
    if (after.type === tt.braceL || after.type === tt.star) return true;
    if (after.type !== tt.name) return false;
    return !(text(after) === 'from' && tokens[i + 1].type === tt.string);
  }
  // Blanks up to the text that a module is named by, or the brace; gives the index of the last token.
  function blankStatement(i) {
    let last = i + 2;
    if (tokens[last].type === tt.braceL) {
      while (tokens[last].type !== tt.braceR) last++;
    }
    let end = last;
    for (let j = last; j < tokens.length && tokens[j].type !== tt.eof; j++) {
      if (tokens[j].type === tt.string) {
        end = j;
        break;
      }
      if (tokens[j].type === tt.semi) break;
      if (j > last && tokens[last].type === tt.braceR && text(tokens[last + 1]) !== 'from') break;
    }
    if (tokens[end + 1]?.type === tt.semi) end++;
    blank(tokens[i].start, tokens[end].end, ';');
    return end;
  }
  // The parser takes any namespace for a type.
  function checkNamespaces(from, to) {
    for (let i = from; i <= to; i++) {
      const word = text(tokens[i]);
      if (word === 'declare') return;
      if ((word === 'namespace' || word === 'module') && tokens[i + 1]?.type === tt.name && (i === from || text(tokens[i - 1]) === 'export')) {
        for (let j = i + 2; j <= to; j++) {
          if (['const', 'let', 'var', 'function', 'class', 'enum'].includes(text(tokens[j])) && text(tokens[j - 1]) !== 'declare') {
            throw unsupported('namespace declaration');
          }
        }
      }
      if (word === 'enum') throw unsupported('enum');
    }
  }
}

// A file on its way to the engine.
function stripFile(code, filename) {
  if (filename.includes('/node_modules/')) throw new codes.ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING(filename);
  return strip(code, filename);
}

function stripTypeScriptTypes(code, { mode, sourceUrl }) {
  if (mode === 'transform') throw new codes.ERR_FEATURE_UNAVAILABLE_ON_PLATFORM("stripTypeScriptTypes() with mode 'transform'");
  const stripped = strip(code, sourceUrl);
  return sourceUrl === '' ? stripped : `${stripped}\n\n//# sourceURL=${sourceUrl}`;
}

module.exports = { strip, stripFile, stripTypeScriptTypes };
