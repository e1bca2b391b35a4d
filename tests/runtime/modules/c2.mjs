import {one} from "./c1.mjs"; export function two(){ return one + 1 }
