/**
 * Makes something an own property, whatever its name means to assignment: `__proto__` would change the prototype, and
 * where that is frozen, names like `toString` would be lost.
 */
export function put(object: object, name: PropertyKey, value: unknown): void {
  if (!(name in object)) (object as Record<PropertyKey, unknown>)[name] = value;
  else Object.defineProperty(object, name, { __proto__: null, value, enumerable: true, configurable: true, writable: true } as PropertyDescriptor);
}
