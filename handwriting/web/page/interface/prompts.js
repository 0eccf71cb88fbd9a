// Lines to copy by hand. Together they have every character that the writers know, each is needed
// for that, and none is longer than what a model reads well.

export const PROMPTS = [
  { id: "letters", text: "the five boxing wizards jump quickly" },
  { id: "capitals-1", text: "Anna Bob Carl Dora Ed Fay Gus Hal Ida" },
  { id: "capitals-2", text: "Jo Kit Leo Max Ned Oz Pam Quinn Ray" },
  { id: "capitals-3", text: "Sue Tom Uma Vic Will Xena Yves Zoe" },
  { id: "numbers", text: "Room 145, 7 to 9:30; call 0628-3." },
  { id: "symbols", text: "Is \"it's\" 5% + 1/2 (a & b) [#3]? Yes!" },
];
