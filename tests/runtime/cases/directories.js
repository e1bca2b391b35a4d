// SPDX-License-Identifier: Apache-2.0
// Directories: opened, searched by pattern, watched.
const fs = require('fs');
const path = require('path');
const { once } = require('events');
const { text } = require('stream/consumers');
(async () => {
  const scratch = fs.mkdtempDisposableSync(path.join(require('os').tmpdir(), 'sluice-directories-'));
  const root = scratch.path;
  fs.mkdirSync(path.join(root, 'a/b'), { recursive: true });
  for (const name of ['one.js', 'two.txt', 'a/three.js', 'a/b/four.js', 'a/b/five.mjs']) fs.writeFileSync(path.join(root, name), name);
  const names = [];
  for await (const entry of await fs.promises.opendir(root, { recursive: true })) names.push(`${entry.name}${entry.isDirectory() ? '/' : ''}`);
  console.log(names.sort().join(' '));
  for (const pattern of ['*.js', '**/*.js', 'a/**', '{one,two}.*', 'a/b/!(four).*js', '[!o]*.txt']) console.log(pattern, fs.globSync(pattern, { cwd: root }).sort().join(' '));
  const found = [];
  for await (const each of fs.promises.glob('**/*.js', { cwd: root, exclude: (name) => name === 'a/b' })) found.push(each);
  console.log(found.sort().join(' '));

  fs.symlinkSync('..', path.join(root, 'a/up'));
  console.log(fs.globSync('a/**/*.js', { cwd: root, followSymlinks: true }).sort().join(' '));
  fs.unlinkSync(path.join(root, 'a/up'));

  const watcher = fs.watch(root, { recursive: true });
  const seen = (name) => new Promise((resolve) => watcher.on('change', function listen(type, file) {
    if (file !== name) return;
    watcher.off('change', listen);
    resolve(`${type} ${file}`);
  }));
  const created = seen('a/b/new');
  fs.writeFileSync(path.join(root, 'a/b/new'), '');
  console.log(await created);
  const deep = seen('c/d');
  fs.mkdirSync(path.join(root, 'c/d'), { recursive: true });
  console.log(await deep);
  watcher.close();
  await once(watcher, 'close');
  const stop = new AbortController();
  const changes = fs.promises.watch(root, { signal: stop.signal })[Symbol.asyncIterator]();
  const next = changes.next();
  fs.renameSync(path.join(root, 'one.js'), path.join(root, 'six.js'));
  console.log((await next).value.filename);
  const rest = (async () => { for (;;) if ((await changes.next()).done) return 'done'; })();
  stop.abort();
  console.log(await rest.catch((error) => error.name));

  const blob = await fs.openAsBlob(path.join(root, 'two.txt'));
  console.log(blob.size, await blob.slice(4).text());
  const handle = await fs.promises.open(path.join(root, 'two.txt'));
  console.log(await text(handle.readableWebStream({ autoClose: true })), handle.fd);
  scratch.remove();
  console.log(fs.existsSync(root));
})();
