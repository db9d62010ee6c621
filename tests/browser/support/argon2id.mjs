/**
 * What Argon2id, version 19, gives for some inputs without secret and associated data, as its reference implementation has it
 * (https://github.com/P-H-C/phc-winner-argon2, src/test.c). RFC 9106's own vector has both, and is in the tests of src/kdf.
 */
const vector = (passphrase, salt, passes, memoryKib, lanes, key) => ({
  passphrase: new TextEncoder().encode(passphrase),
  salt: new TextEncoder().encode(salt),
  passes,
  memoryKib,
  lanes,
  key,
});

export const ARGON2ID = [
  vector("password", "somesalt", 2, 65_536, 1, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
  vector("password", "somesalt", 2, 256, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
  vector("password", "somesalt", 2, 256, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
  vector("password", "somesalt", 1, 65_536, 1, "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98"),
  vector("differentpassword", "somesalt", 2, 65_536, 1, "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde"),
  vector("password", "diffsalt", 2, 65_536, 1, "bdf32b05ccc42eb15d58fd19b1f856b113da1e9a5874fdcc544308565aa8141c"),
];
