// SPDX-License-Identifier: Apache-2.0
console.log("b ran"); export let v = 1; export function inc(){v++} export default class K {}
