// SPDX-License-Identifier: Apache-2.0
// The generator of the net and dgram rows: messages of 64 bytes go to and fro on 64 flows, one under way on each.
//   echo_load.mjs tcp|udp ADDRESS PORT SECONDS
import { bindUdp, connect } from 'sluice:net';

const [kind, address, port, seconds] = [process.argv[2], process.argv[3], Number(process.argv[4]), Number(process.argv[5])];
const FLOWS = 64, BYTES = 64;
const message = new Uint8Array(BYTES).fill(97);
let echoes = 0, lost = 0, done = false;
let start = 0;

if (kind === 'tcp') {
  const sockets = await Promise.all(Array.from({ length: FLOWS }, async () => {
    for (;;) {
      const socket = connect({ hostname: address, port });
      try {
        return await socket.ready;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }));
  start = performance.now();
  for (const socket of sockets) {
    let missing = BYTES;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      missing -= chunk.length;
      if (missing > 0) return;
      missing = BYTES;
      echoes++;
      if (!done) socket.write(message);
    });
    socket.write(message);
  }
} else {
  const flows = Array.from({ length: FLOWS }, () => {
    const flow = { socket: null, last: 0 };
    flow.socket = bindUdp({ port: 0, hostname: address.startsWith('127.') ? '127.0.0.1' : undefined }, () => {
      echoes++;
      flow.last = performance.now();
      if (!done) flow.socket.send(message, port, address);
    });
    return flow;
  });
  start = performance.now();
  const send = (flow) => {
    flow.last = performance.now();
    try {
      flow.socket.send(message, port, address);
    } catch {
      // Tried again below.
    }
  };
  for (const flow of flows) send(flow);
  // What was lost is sent again.
  setInterval(() => {
    const now = performance.now();
    for (const flow of flows) {
      if (now - flow.last < 100) continue;
      lost++;
      send(flow);
    }
  }, 50);
}
setTimeout(() => {
  done = true;
  const took = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ per_second: echoes / took, echoes, lost }));
  process.exit(0);
}, seconds * 1000);
