// The web app serves bytelatent/graph/assets/ as /static/graph/, where static/js/ imports it from.
export * from "../../../bytelatent/graph/assets/viewer.js";
