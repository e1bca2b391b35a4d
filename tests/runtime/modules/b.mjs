console.log("b ran"); export let v = 1; export function inc(){v++} export default class K {}
