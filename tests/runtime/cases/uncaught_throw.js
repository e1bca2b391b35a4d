// SPDX-License-Identifier: Apache-2.0
// exit: 1
function deeper() {
	throw new Error('boom');
}
process.on('exit', (code) => console.log('exit', code));
deeper();
