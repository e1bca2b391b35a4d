// SPDX-License-Identifier: Apache-2.0
// `sluice:http`: the fast server, the client and the reverse proxy.
'use strict';

const { serve, Server, ServerRequest, ServerResponse } = require('internal/sluice/http_server');
const { request, ClientResponse } = require('internal/sluice/http_client');
const { proxy, upstreams, Upstreams } = require('internal/sluice/http_proxy');
const { fetch } = require('internal/web/fetch');

Object.assign(exports, { serve, request, fetch, proxy, upstreams, Server, ServerRequest, ServerResponse, ClientResponse, Upstreams });
