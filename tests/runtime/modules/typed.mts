// SPDX-License-Identifier: Apache-2.0
// Types of every kind, which all go.
import type { Nothing } from './not-there.mts';
import { type Named, add } from './typed_names.cts';
interface Shape { sides: number }
type Size = Shape | string
declare const elsewhere: number;
abstract class Base<T> implements Shape {
  readonly sides: number = 3;
  protected declare kind: string;
  private name?: string;
  [key: string]: unknown;
  abstract area(): number;
  static of<U>(this: void, value: U): U { return value!; }
}
class Real extends Base<string> { override area(): number { return (this.sides as number) satisfies number; } }
function either(a: string): string
function either(a: number): string
function either(a: unknown): string { return String(a); }
const wide = <T,>(a: T, b?: Size):
  T => a;
export const value: [number, string, string] = [new Real().area(), either(wide<number>(add(1, 2))), Base.of('x')];
export type { Shape };
export function fails(): never {
  throw new Error('here');
}
