// SPDX-License-Identifier: Apache-2.0
'use strict';
const express = require('express');
const session = require('express-session');
const multer = require('multer');
const compression = require('compression');
const helmet = require('helmet');
const passport = require('passport');
const { Strategy } = require('passport-local');
const { announce, host, port } = require('./announce.cjs');

const app = express();
app.set('view engine', 'ejs');
app.set('views', `${__dirname}/views`);
app.use(helmet());
app.use(compression({ threshold: 1000 }));
app.use('/static', express.static(`${__dirname}/public`, { maxAge: '1h' }));
app.use(express.json());
app.use(express.urlencoded({ extended: true }));
app.use(session({ secret: 'not a secret', resave: false, saveUninitialized: false }));
passport.use(new Strategy((username, password, done) => done(null, password === 'open' ? { name: username } : false)));
passport.serializeUser((user, done) => done(null, user.name));
passport.deserializeUser((name, done) => done(null, { name }));
app.use(passport.session());

app.get('/', (req, res) => res.send('hello from express'));
app.get('/users/:id', (req, res) => res.json({ id: req.params.id, q: req.query.q, ip: typeof req.ip, protocol: req.protocol, host: req.hostname }));
app.post('/json', (req, res) => res.status(201).json({ got: req.body }));
app.post('/form', (req, res) => res.json(req.body));
app.get('/page', (req, res) => res.render('hello', { name: '<Ada>', items: ['a', 'b'] }));
app.get('/large', (req, res) => res.type('text').send('x'.repeat(200_000)));
app.get('/count', (req, res) => {
  req.session.count = (req.session.count || 0) + 1;
  res.json({ count: req.session.count });
});
app.post('/login', passport.authenticate('local'), (req, res) => res.json({ user: req.user.name }));
app.get('/me', (req, res) => res.json({ user: req.user ? req.user.name : null }));
app.post('/upload', multer({ storage: multer.memoryStorage() }).single('file'), (req, res) => {
  res.json({ name: req.file.originalname, bytes: req.file.size, note: req.body.note });
});
app.get('/redirect', (req, res) => res.redirect('/'));
app.get('/download', (req, res) => res.download(`${__dirname}/public/style.css`, 'theme.css'));
app.get('/stream', (req, res) => {
  res.type('text');
  let left = 5;
  const next = () => {
    if (left-- === 0) return res.end('done\n');
    res.write(`part ${left}\n`);
    setImmediate(next);
  };
  next();
});
app.get('/fail', () => { throw new Error('on purpose'); });
app.get('/async', async (req, res, next) => {
  try {
    await Promise.reject(new Error('later'));
  } catch (error) {
    next(error);
  }
});
const router = express.Router();
router.use((req, res, next) => {
  res.set('X-Router', 'yes');
  next();
});
router.route('/thing').get((req, res) => res.send('get thing')).put((req, res) => res.send('put thing')).delete((req, res) => res.sendStatus(204));
app.use('/api', router);
app.use((error, req, res, next) => res.status(500).json({ error: error.message }));
const server = app.listen(port, host, () => announce(server));
