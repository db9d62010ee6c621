/**
 * Defines an own property where plain assignment would fail: assigning `__proto__` changes the prototype, and
 * where Object.prototype is frozen, assigning a name such as `toString` has no effect.
 */
export function put(object: object, name: PropertyKey, value: unknown): void {
  if (!(name in object)) (object as Record<PropertyKey, unknown>)[name] = value;
  else Object.defineProperty(object, name, { __proto__: null, value, enumerable: true, configurable: true, writable: true } as PropertyDescriptor);
}
