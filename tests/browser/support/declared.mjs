/** What the package's types declare. */
import { readFile } from "node:fs/promises";
import ts from "typescript";

/**
 * The declarations of a file of types, by name.
 * @param {URL | string} file
 * @returns {Promise<Record<string, {members: string[], literals: string[], isCalled: boolean}>>} for an interface or a class its own members, and
 *   whether one of them is a method; for a type all that it names at any depth, and what the property "type" may be; the functions are the members of "package"
 */
export async function declared(file) {
  const source = ts.createSourceFile("types.d.ts", await readFile(file, "utf8"), ts.ScriptTarget.Latest);
  const found = { package: { members: [], literals: [], isCalled: true } };
  for (const each of source.statements) {
    if (ts.isFunctionDeclaration(each)) found.package.members.push(each.name.text);
    else if (ts.isInterfaceDeclaration(each) || ts.isClassDeclaration(each)) {
      found[each.name.text] = { members: namesOf(each.members), literals: [], isCalled: each.members.some(isMethod) };
    } else if (ts.isTypeAliasDeclaration(each)) found[each.name.text] = allIn(each.type);
  }
  return found;
}

const isMethod = (member) => ts.isMethodSignature(member) || ts.isMethodDeclaration(member);

/** (A private member's name begins with "#".) */
function namesOf(members) {
  const named = members.map(({ name }) => name).filter((name) => name !== undefined && (ts.isIdentifier(name) || ts.isStringLiteral(name)));
  return [...new Set(named.map(({ text }) => text))];
}

function allIn(type) {
  const found = { members: [], literals: [], isCalled: false };
  const visit = (node) => {
    if (ts.isPropertySignature(node)) {
      found.members.push(...namesOf([node]));
      if (node.name.text === "type") found.literals.push(...literalsOf(node.type));
    }
    ts.forEachChild(node, visit);
  };
  visit(type);
  return found;
}

function literalsOf(type) {
  if (ts.isUnionTypeNode(type)) return type.types.flatMap(literalsOf);
  return ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal) ? [type.literal.text] : [];
}
