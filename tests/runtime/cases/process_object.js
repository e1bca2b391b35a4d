// SPDX-License-Identifier: Apache-2.0
// arguments: -- one --two
console.log(process.argv.slice(2), process.argv.length, process.argv[1]);
process.env.SET_HERE = 5;
console.log(process.env.SET_HERE, typeof process.env.PATH, 'NOT_THERE_AT_ALL' in process.env, process.env.NOT_THERE_AT_ALL);
delete process.env.SET_HERE;
console.log(process.env.SET_HERE, process.platform, process.arch, typeof process.pid, process.cwd());
console.log(typeof process.hrtime.bigint(), process.hrtime().length, process.hrtime([0, 0])[0] >= 0, process.uptime() > 0);
const usage = process.memoryUsage();
console.log(usage.rss > usage.heapUsed, usage.heapUsed > 0, Object.keys(usage));
console.log(process.versions.sluice, typeof process.versions.v8, process.version === `v${process.versions.node}`);
process.stdout.write('no newline');
process.stdout.write(new Uint8Array([10, 98, 121, 116, 101, 115, 10]));
const { header, sharedObjects, userLimits } = process.report.getReport();
console.log(/^2\.\d+$/.test(header.glibcVersionRuntime), /^2\.\d+$/.test(header.glibcVersionCompiler), sharedObjects.some((name) => name.includes('libc.so')), userLimits.open_files.soft > 0);
console.log(String(process), process.sluice.cores, process.sluice.transport);
