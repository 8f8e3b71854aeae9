/** Pages have no environment that asks for it, and load less without. */
export const verifier: undefined = undefined;
