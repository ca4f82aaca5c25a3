/** Deeper messages are refused: only schemas of custom resources nest at will, and the stack is finite. */
export const MAX_MESSAGE_DEPTH = 1000;
