// SPDX-License-Identifier: Apache-2.0
module.exports = [require('dual'), require('plain'), require('dual/sub'), require('./d'), require('./sub'), require('./sub/')];
