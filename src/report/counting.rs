//! From what was counted to the figures that readers see: groups added up, and small ones hidden where that is asked.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::rules::{Force, Rule, RuleKind};
use crate::store::{DeviationRow, DueGroup};

use super::figure::Figure;
use super::figures::{
    AGES, Age, Figures, KindFigures, LevelFigures, Row, RuleFigures, UnitFigures, Veil, Waiting, Week, share,
};
use super::hide::{Node, UNDER, hidden};
use super::request::{Period, monday};
use super::scope::Scope;
use super::tally::{Bounds, Counts, Tally};
use super::text;
use super::units::Units;

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// By the place of the unit, its own cases alone.
    own: BTreeMap<usize, Tally>,
    /// By the rule's full name.
    rules: BTreeMap<String, Tally>,
    /// Due and in time, by the week's Monday.
    weeks: BTreeMap<NaiveDate, (u64, u64)>,
}

/// A tally with its place in the tree that the readers of a table see.
struct Branch<T> {
    what: T,
    parent: Option<usize>,
    tally: Tally,
}

impl Counting {
    /// Takes in a deviation of a unit.
    pub(super) fn deviation(&mut self, unit: usize, row: &DeviationRow, bounds: &Bounds) {
        self.own.entry(unit).or_default().add(row, bounds);
        self.rules.entry(row.rule.clone()).or_default().add(row, bounds);
    }

    /// Takes in obligations of a unit.
    pub(super) fn obligations(&mut self, unit: usize, group: &DueGroup, period: Period) {
        let [in_time, late] = [group.in_time, group.late].map(|count| u64::try_from(count).unwrap_or(0));
        let is_now = period.contains(group.due_on.0);
        let add = |tally: &mut Tally| {
            let counts: &mut Counts = if is_now { &mut tally.now } else { &mut tally.before };
            counts.due += in_time + late;
            counts.in_time += in_time;
        };
        add(self.own.entry(unit).or_default());
        add(self.rules.entry(group.rule.clone()).or_default());
        if is_now {
            let (due, met) = self.weeks.entry(monday(group.due_on.0)).or_default();
            *due += in_time + late;
            *met += in_time;
        }
    }

    /// The figures.
    pub(super) fn figures(self, scope: &Scope<'_>) -> Figures {
        let hide = scope.request.hide_small;
        let mut total = Tally::default();
        self.own.values().for_each(|tally| total.merge(tally));
        let units = self.unit_tree(scope);
        let unit_veils = veils(&units, hide);
        let rules = self.rule_tree(scope, &total);
        let is_told = total.now.closed() >= UNDER
            && total.now.open_before >= UNDER
            && !tells_too_much(&units)
            && !tells_too_much(&rules);
        let of_whole = Veil { closed: hide && !is_told, ..unit_veils.first().copied().unwrap_or_default() };
        let rule_veils = veils(&rules, hide);
        let levels = if hide { vec![] } else { levels(&rules, scope.compared) };
        let mut figures = Figures {
            total: Row::of(&total, of_whole, true, scope.compared),
            units: vec![],
            rules: vec![],
            kinds: vec![],
            levels,
            weeks: weeks(&self.weeks, scope.request.period, of_whole),
            ages: ages(&total, of_whole),
            waiting: if hide { vec![] } else { waiting(&self.own, &scope.units) },
        };
        for (branch, veil) in units.into_iter().zip(unit_veils).skip(1) {
            let Branch { what: (place, own), tally, .. } = branch;
            let (unit, depth) = (&scope.units.list()[place], scope.units.depth(place) + usize::from(own));
            let row = Row::of(&tally, veil, false, scope.compared);
            let (tenant, id, name) = (unit.tenant.clone(), unit.id.clone(), unit.name.clone());
            figures.units.push(UnitFigures { tenant, unit: id, name, depth, own, row });
        }
        for (branch, veil) in rules.into_iter().zip(rule_veils).skip(1) {
            let row = Row::of(&branch.tally, veil, false, scope.compared);
            match branch.what {
                RuleGroup::All => {}
                RuleGroup::Kind(kind) => figures.kinds.push(KindFigures { kind, row }),
                RuleGroup::Rule(name, rule) => figures.rules.push(rule_figures(scope, &name, rule, row)),
            }
        }
        figures
    }

    /// The units with something to tell, each the sum of those below it and of its own cases. Where small counts are
    /// hidden, all units: that one is missing would tell that it has nothing.
    fn unit_tree(&self, scope: &Scope<'_>) -> Vec<Branch<(usize, bool)>> {
        let (units, hide) = (&scope.units, scope.request.hide_small);
        let nothing = Tally::default();
        let own = |place: usize| self.own.get(&place).unwrap_or(&nothing);
        let mut sums: Vec<Tally> = (0..units.list().len()).map(|place| own(place).clone()).collect();
        // A unit stands after the one above it.
        for place in (1..sums.len()).rev() {
            let Some(parent) = units.list()[place].parent else { continue };
            let sum = std::mem::take(&mut sums[place]);
            sums[parent].merge(&sum);
            sums[place] = sum;
        }
        let mut tree: Vec<Branch<(usize, bool)>> = vec![];
        let mut branches: BTreeMap<usize, usize> = BTreeMap::new();
        let shown = |place: usize| place == Units::ROOT || hide || !sums[place].is_empty();
        for place in units.reading_order().into_iter().filter(|place| shown(*place)) {
            let parent = units.list()[place].parent.and_then(|parent| branches.get(&parent).copied());
            let branch = tree.len();
            branches.insert(place, branch);
            tree.push(Branch { what: (place, false), parent, tally: sums[place].clone() });
            let has_below =
                units.list().iter().enumerate().any(|(below, unit)| unit.parent == Some(place) && shown(below));
            let holds_cases = !own(place).is_empty() || hide && units.list()[place].id.is_some();
            if has_below && holds_cases {
                tree.push(Branch { what: (place, true), parent: Some(branch), tally: own(place).clone() });
            }
        }
        tree
    }

    /// The rules that were counted, below their kinds; all that are asked about where small counts are hidden.
    fn rule_tree<'a>(&self, scope: &Scope<'a>, total: &Tally) -> Vec<Branch<RuleGroup<'a>>> {
        let mut tallies: BTreeMap<(usize, String), (Option<&Rule>, Tally)> = BTreeMap::new();
        let place = |rule: Option<&Rule>| {
            let kind = rule.map(|rule| rule.kind);
            RuleKind::WORDS.iter().position(|(_, word)| Some(*word) == kind).unwrap_or(RuleKind::WORDS.len())
        };
        for (name, tally) in self.rules.iter().filter(|(_, tally)| !tally.is_empty()) {
            let rule = scope.rule_named(name);
            tallies.insert((place(rule), name.clone()), (rule, tally.clone()));
        }
        if scope.request.hide_small {
            for rule in scope.active_rules().filter(|rule| scope.is_asked(&rule.name)) {
                let nothing = || (Some(rule), Tally::default());
                tallies.entry((place(Some(rule)), rule.name.to_string())).or_insert_with(nothing);
            }
        }
        let mut tree = vec![Branch { what: RuleGroup::All, parent: None, tally: total.clone() }];
        let mut kind: Option<(usize, usize)> = None;
        for ((number, name), (rule, tally)) in tallies {
            let branch = match kind {
                Some((known, branch)) if known == number => branch,
                _ => {
                    let what = RuleGroup::Kind(rule.map(|rule| rule.kind));
                    tree.push(Branch { what, parent: Some(0), tally: Tally::default() });
                    kind = Some((number, tree.len() - 1));
                    tree.len() - 1
                }
            };
            tree[branch].tally.merge(&tally);
            tree.push(Branch { what: RuleGroup::Rule(name, rule), parent: Some(branch), tally });
        }
        tree
    }
}

/// What stands in the tree of rules.
enum RuleGroup<'a> {
    All,
    Kind(Option<RuleKind>),
    Rule(String, Option<&'a Rule>),
}

/// What is hidden of each row of a tree. What was closed, and what was open before, is told of the whole alone.
fn veils<T>(tree: &[Branch<T>], hide: bool) -> Vec<Veil> {
    if !hide {
        return vec![Veil::default(); tree.len()];
    }
    let [opened, open] = [|counts: &Counts| counts.opened, |counts: &Counts| counts.open]
        .map(|count| hidden(&nodes(tree, |counts| [count(counts)])));
    let shares = hidden(&nodes(tree, |counts| [counts.in_time, counts.late()]));
    let rows = opened.into_iter().zip(open).zip(shares);
    rows.map(|((opened, open), share)| Veil { any: true, opened, open, share, closed: true }).collect()
}

fn nodes<T, const N: usize>(tree: &[Branch<T>], counts: impl Fn(&Counts) -> [u64; N]) -> Vec<Node<N>> {
    tree.iter().map(|branch| Node { parent: branch.parent, counts: counts(&branch.tally.now) }).collect()
}

/// Whether it would give small counts away how much was closed of the whole. A reader who knows that, and of each row how
/// much was opened and is open, knows how much was closed of a row up to what was both open before and closed, over all
/// rows.
fn tells_too_much<T>(tree: &[Branch<T>]) -> bool {
    let is_leaf = |place: usize| tree.iter().all(|branch| branch.parent != Some(place));
    let leaves: Vec<&Counts> =
        tree.iter().enumerate().filter(|(place, _)| is_leaf(*place)).map(|(_, branch)| &branch.tally.now).collect();
    let slack: u64 = leaves.iter().map(|counts| counts.closed().min(counts.open_before)).sum();
    leaves.len() > 1 && slack < UNDER
}

fn rule_figures(scope: &Scope<'_>, name: &str, rule: Option<&Rule>, row: Row) -> RuleFigures {
    RuleFigures {
        rule: text::shown(name),
        code: rule.map(|rule| text::shown(&rule.code)).unwrap_or_default(),
        title: rule.map_or_else(|| text::shown(name), |rule| text::shown(rule.title.text(scope.language))),
        cite: rule.and_then(|rule| rule.cite.as_deref()).map(text::shown),
        kind: rule.map(|rule| rule.kind),
        level: rule.map(|rule| rule.force),
        row,
    }
}

fn levels(rules: &[Branch<RuleGroup<'_>>], compared: Option<Period>) -> Vec<LevelFigures> {
    let mut tallies: [(Option<Force>, Tally); 3] =
        [Some(Force::Must), Some(Force::Should), None].map(|level| (level, Tally::default()));
    for branch in rules {
        let RuleGroup::Rule(_, rule) = &branch.what else { continue };
        let level = rule.map(|rule| rule.force);
        tallies.iter_mut().filter(|(of, _)| *of == level).for_each(|(_, tally)| tally.merge(&branch.tally));
    }
    let shown = tallies.into_iter().filter(|(_, tally)| !tally.is_empty());
    shown.map(|(level, tally)| LevelFigures { level, row: Row::of(&tally, Veil::default(), false, compared) }).collect()
}

/// Every week of the period; those of which nothing was due have no share.
fn weeks(counted: &BTreeMap<NaiveDate, (u64, u64)>, period: Period, veil: Veil) -> Vec<Week> {
    let counts: Vec<(NaiveDate, u64, u64)> = period
        .weeks()
        .map(|monday| {
            let (due, in_time) = counted.get(&monday).copied().unwrap_or_default();
            (monday, due, in_time)
        })
        .collect();
    let whole = counts.iter().fold([0, 0], |[met, late], (_, due, in_time)| [met + in_time, late + due - in_time]);
    let nodes = counts.iter().map(|(_, due, in_time)| Node { parent: Some(0), counts: [*in_time, due - in_time] });
    let tree: Vec<Node<2>> = std::iter::once(Node { parent: None, counts: whole }).chain(nodes).collect();
    let veils = if veil.any { hidden(&tree) } else { vec![false; tree.len()] };
    let rows = counts.into_iter().zip(veils.into_iter().skip(1));
    rows.map(|((monday, due, in_time), veiled)| Week {
        monday,
        due: Figure::Is(due).unless(veiled || veil.share),
        in_time: Figure::Is(in_time).unless(veiled || veil.share),
        share_in_time: share(in_time, due).unless(veiled || veil.share),
    })
    .collect()
}

fn ages(total: &Tally, veil: Veil) -> Vec<Age> {
    let count = |(from, to): (i64, Option<i64>)| total.waits.within(from..=to.unwrap_or(i64::MAX));
    let nodes = AGES.map(|age| Node { parent: Some(0), counts: [count(age)] });
    let tree: Vec<Node<1>> =
        std::iter::once(Node { parent: None, counts: [total.waits.count()] }).chain(nodes).collect();
    let veils = if veil.any { hidden(&tree) } else { vec![false; tree.len()] };
    let rows = AGES.into_iter().zip(veils.into_iter().skip(1));
    rows.map(|((from_days, to_days), veiled)| Age {
        from_days,
        to_days,
        open: Figure::Is(count((from_days, to_days))).unless(veiled || veil.open),
    })
    .collect()
}

/// Units by how long their own open deviations have waited.
fn waiting(own: &BTreeMap<usize, Tally>, units: &Units) -> Vec<Waiting> {
    let open = own.iter().filter_map(|(place, tally)| {
        let unit = &units.list()[*place];
        Some(Waiting {
            tenant: unit.tenant.clone().unwrap_or_default(),
            unit: unit.id.clone(),
            name: units.name_in_full(*place),
            open: tally.waits.count(),
            longest_days: tally.waits.worst()?,
            median_days: tally.waits.median()?,
        })
    });
    let mut waiting: Vec<Waiting> = open.collect();
    waiting.sort_by(|a, b| (b.longest_days, b.open).cmp(&(a.longest_days, a.open)).then_with(|| a.name.cmp(&b.name)));
    waiting.truncate(Figures::WAITING);
    waiting
}
