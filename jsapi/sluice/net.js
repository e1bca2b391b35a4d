// SPDX-License-Identifier: Apache-2.0
// `sluice:net`: TCP and UDP without a protocol on top.
'use strict';

const { Socket, Listener, UdpSocket, listen, connect, bindUdp } = require('internal/sluice/sockets');

Object.assign(exports, { listen, connect, bindUdp, Socket, Listener, UdpSocket });
