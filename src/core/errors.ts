/** The classes of errors, for all layers above. */
export * from "../util/errors.ts";
