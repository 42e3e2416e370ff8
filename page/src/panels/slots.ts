/** What fills the slots of the page: each is a component of its own file in this folder. */

export { EditTools } from "./EditTools";
export { FilterField } from "./FilterField";
export { Reader } from "./Reader";
export { Results } from "./Results";
export { SearchBox } from "./SearchBox";
export { SelectionTable } from "./SelectionTable";
export { TimeChart } from "./TimeChart";
export { TopicActions } from "./TopicActions";
