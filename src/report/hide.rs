//! Hiding small counts so that nobody can work them out.
//!
//! Rows form a tree whose sums are known: a row is the sum of the rows below it. A row is hidden where one of its counts
//! is under [`UNDER`]. Further rows are hidden until every sum that can still be formed is one of two or more hidden
//! rows, and is [`UNDER`] or more in each of its counts. All hidden rows look the same, so each hidden count may be anything
//! from nothing to that whole sum, and never has fewer than six possible values.
//!
//! Counts of one row that add up are hidden together: obligations in time and late. What was open before, opened, closed
//! and is open add up too; of these, rows tell what was opened and is open, and leave the other two to be anything. So no
//! row gives away what its column hides.

/// Counts under this are hidden.
pub const UNDER: u64 = 5;

/// A row, by the place of the row above it; rows stand after the ones above them, and the first is above all others.
#[derive(Clone, Debug)]
pub(super) struct Node<const N: usize> {
    pub(super) parent: Option<usize>,
    /// Its counts, each the sum of those below it, if there are any.
    pub(super) counts: [u64; N],
}

/// Which rows are hidden.
pub(super) fn hidden<const N: usize>(tree: &[Node<N>]) -> Vec<bool> {
    let is_small = |node: &Node<N>| node.counts.iter().any(|count| *count < UNDER);
    let mut state = Tree { tree, below: below(tree), hidden: tree.iter().map(is_small).collect() };
    if state.hidden.first() == Some(&true) {
        return vec![true; tree.len()];
    }
    while let Some(open) = (0..tree.len()).find(|place| !state.hidden[*place] && !state.is_safe(*place)) {
        let more = state.smallest_shown_within(open).unwrap_or(open);
        state.hidden[more] = true;
        if more == 0 {
            return vec![true; tree.len()];
        }
    }
    state.hidden
}

fn below<const N: usize>(tree: &[Node<N>]) -> Vec<Vec<usize>> {
    let mut below = vec![vec![]; tree.len()];
    for (place, node) in tree.iter().enumerate() {
        if let Some(parent) = node.parent {
            below[parent].push(place);
        }
    }
    below
}

struct Tree<'t, const N: usize> {
    tree: &'t [Node<N>],
    below: Vec<Vec<usize>>,
    hidden: Vec<bool>,
}

impl<const N: usize> Tree<'_, N> {
    /// Whether what a shown row leaves, when the shown rows below it are taken away, tells of no single hidden row.
    fn is_safe(&self, shown: usize) -> bool {
        let (mut leaves, mut rest, mut any) = (0, [0; N], false);
        for place in self.region(shown).into_iter().filter(|place| self.hidden[*place]) {
            any = true;
            if self.below[place].is_empty() {
                leaves += 1;
                for (sum, count) in rest.iter_mut().zip(self.tree[place].counts) {
                    *sum += count;
                }
            }
        }
        !any || leaves >= 2 && rest.iter().all(|sum| *sum >= UNDER)
    }

    /// The rows below a shown row, down to the first shown ones.
    fn region(&self, shown: usize) -> Vec<usize> {
        let mut region = vec![];
        let mut waiting = self.below[shown].clone();
        while let Some(place) = waiting.pop() {
            region.push(place);
            if self.hidden[place] {
                waiting.extend(&self.below[place]);
            }
        }
        region
    }

    fn smallest_shown_within(&self, shown: usize) -> Option<usize> {
        let candidates = self.region(shown).into_iter().filter(|place| !self.hidden[*place]);
        candidates.min_by_key(|place| (self.tree[*place].counts.iter().sum::<u64>(), *place))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(parent: usize, count: u64) -> Node<1> {
        Node { parent: Some(parent), counts: [count] }
    }

    fn root(count: u64) -> Node<1> {
        Node { parent: None, counts: [count] }
    }

    #[test]
    fn one_small_row_takes_the_next_smallest_with_it() {
        assert_eq!(hidden(&[root(47), node(0, 30), node(0, 2), node(0, 15)]), [false, false, true, true]);
    }

    #[test]
    fn two_small_rows_that_are_small_together_take_a_third() {
        assert_eq!(
            hidden(&[root(42), node(0, 30), node(0, 2), node(0, 1), node(0, 9)]),
            [false, false, true, true, true]
        );
        assert_eq!(hidden(&[root(38), node(0, 30), node(0, 4), node(0, 4)]), [false, false, true, true]);
    }

    #[test]
    fn what_is_all_there_is_hides_the_sum_too() {
        assert_eq!(hidden(&[root(3), node(0, 3)]), [true, true]);
        assert_eq!(hidden(&[root(20), node(0, 20)]), [false, false]);
    }

    #[test]
    fn a_row_above_does_not_tell_of_the_one_row_below_that_is_hidden() {
        // 1 is the sum of 2 and 3; 4 stands beside it.
        let tree = [root(60), node(0, 30), node(1, 28), node(1, 2), node(0, 30)];
        assert_eq!(hidden(&tree), [false, false, true, true, false]);
        // A hidden row whose parts are shown is no secret: one of its parts is hidden as well.
        let tree = [root(33), node(0, 30), node(1, 20), node(1, 10), node(0, 3)];
        assert_eq!(hidden(&tree), [false, true, false, true, true]);
    }

    /// Trees of up to three levels, of which each row above others is their sum.
    fn trees() -> impl Strategy<Value = Vec<Node<1>>> {
        prop::collection::vec(prop::collection::vec(0_u64..14, 1..4), 1..4).prop_map(|groups| {
            let mut tree = vec![root(groups.iter().flatten().sum())];
            for group in groups {
                if let [only] = group[..] {
                    tree.push(node(0, only));
                    continue;
                }
                let above = tree.len();
                tree.push(node(0, group.iter().sum()));
                tree.extend(group.into_iter().map(|count| node(above, count)));
            }
            tree
        })
    }

    /// All trees that look the same to a reader who knows the sums and nothing of how rows were chosen: each hidden leaf in
    /// turn is given every value, and the others make up for it.
    fn possible(tree: &[Node<1>], hidden: &[bool], leaf: usize) -> Vec<u64> {
        let is_leaf = |place: usize| tree.iter().all(|node| node.parent != Some(place));
        // The nearest shown row above, if there is any.
        let above = |place: usize| {
            std::iter::successors(tree[place].parent, |place| tree[*place].parent).find(|place| !hidden[*place])
        };
        let Some(shown) = above(leaf) else { return (0..=20).collect() };
        // What the shown row leaves for the hidden leaves that answer to it: shown rows are taken away once.
        let answer = |place: &usize| above(*place) == Some(shown);
        let taken: u64 = (0..tree.len())
            .filter(|place| !hidden[*place] && *place != shown && answer(place))
            .map(|place| tree[place].counts[0])
            .sum();
        let rest = tree[shown].counts[0] - taken;
        let others = (0..tree.len()).filter(|place| *place != leaf && hidden[*place] && is_leaf(*place));
        if others.filter(answer).count() == 0 { vec![rest] } else { (0..=rest).collect() }
    }

    proptest! {
        #[test]
        fn nothing_small_is_shown_or_can_be_worked_out(tree in trees()) {
            let hidden = hidden(&tree);
            for (place, node) in tree.iter().enumerate() {
                prop_assert!(hidden[place] || node.counts[0] >= UNDER);
                if hidden[place] && tree.iter().all(|node| node.parent != Some(place)) {
                    let possible = possible(&tree, &hidden, place);
                    prop_assert!(possible.len() >= 6, "{place} of {tree:?}: {hidden:?} {possible:?}");
                    prop_assert!(possible.contains(&node.counts[0]));
                }
            }
        }
    }
}
