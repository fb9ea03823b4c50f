//! stub
use crate::score::{Scored, Table};
use crate::suite::Suite;
#[derive(Default)] pub struct Recorder; 
impl Recorder { pub fn record(&mut self, _s: crate::replay::Seen<'_>) {} }
#[derive(Default)] pub struct Panels;
impl Panels { pub fn add_suite(&mut self, _s:&Suite,_r:&Scored,_x:Recorder) {} }
pub fn score_page(_t:&[Table],_p:Panels)->String{String::new()}
pub fn write(_p:&std::path::Path,_s:&str)->anyhow::Result<()> {Ok(())}
