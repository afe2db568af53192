/** The package has no types of its own; we use one function of it. */
declare module "swagger-ui-dist" {
  /** The folder with the files for browsers. */
  export function getAbsoluteFSPath(): string;
}
