//! Annotations name the cells that are drawn.

use std::{fs, ops::ControlFlow};

use restain_synth::{Cell, Drawing, Error, Rect, Repeat, SlideSpec, Source, write_annotations};

fn cells(spec: &SlideSpec, rect: Rect) -> Vec<Cell> {
    Drawing::new(spec).unwrap().cells(rect)
}

#[test]
fn nuclei_lie_where_they_are_said_to_and_those_of_abnormal_cells_are_larger() {
    let spec = SlideSpec { abnormal: 0.3, ..SlideSpec::new(3000, 3000) };
    let drawing = Drawing::new(&spec).unwrap();
    let whole = Rect { x: 0, y: 0, width: 3000, height: 3000 };
    let cells = drawing.cells(whole);
    let abnormal = cells.iter().filter(|cell| cell.abnormal).count();
    assert!(
        cells.len() > 100 && abnormal > 10 && abnormal < cells.len() / 2,
        "{abnormal} of {}",
        cells.len()
    );
    // Gray within a few pixels of the centre, and in a ring about as wide as large nuclei.
    let gray = |cell: &Cell, far: i64| {
        let (x, y) = (cell.x.floor() as i64, cell.y.floor() as i64);
        let around = [(-far, 0), (far, 0), (0, -far), (0, far)];
        let of = |(dx, dy): (i64, i64)| {
            let rgb = drawing.draw(Rect { x: x + dx - 1, y: y + dy - 1, width: 3, height: 3 }).unwrap().rgb;
            rgb.iter().map(|&level| f64::from(level)).sum::<f64>() / rgb.len() as f64
        };
        around.into_iter().map(of).sum::<f64>() / 4.0
    };
    let mean = |abnormal: bool, far: i64| {
        let some: Vec<&Cell> = cells.iter().filter(|cell| cell.abnormal == abnormal).take(60).collect();
        some.iter().map(|cell| gray(cell, far)).sum::<f64>() / some.len() as f64
    };
    for abnormal in [false, true] {
        assert!(mean(abnormal, 3) + 15.0 < mean(abnormal, 45), "nuclei are darker than what is around them");
    }
    assert!(mean(true, 18) + 15.0 < mean(false, 18), "18 px away only large nuclei are dark");
}

#[test]
fn pieces_hold_the_cells_of_the_whole() {
    let spec = SlideSpec::new(2000, 2000);
    let rect = |x, y, width, height| Rect { x, y, width, height };
    let mut pieces: Vec<Cell> = [rect(0, 0, 700, 2000), rect(700, 0, 1300, 900), rect(700, 900, 1300, 1100)]
        .into_iter()
        .flat_map(|piece| cells(&spec, piece))
        .collect();
    let mut whole = cells(&spec, rect(0, 0, 2000, 2000));
    for list in [&mut pieces, &mut whole] {
        list.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    }
    assert_eq!(pieces, whole);
}

#[test]
fn a_file_says_what_the_drawing_says() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("slide.geojson");
    let spec = SlideSpec::new(1500, 1100);
    let go_on = &|_| ControlFlow::Continue(());
    let count = write_annotations(&spec, &out, go_on).unwrap();
    let text = fs::read_to_string(&out).unwrap();
    let all = cells(&spec, Rect { x: 0, y: 0, width: 1500, height: 1100 });
    assert_eq!(count, all.len());
    assert_eq!(text.matches(r#""name":"abnormal""#).count(), all.iter().filter(|cell| cell.abnormal).count());
    let first = &all[0];
    assert!(text.contains(&format!(r#""coordinates":[{:.2},{:.2}]"#, first.x, first.y)));
    assert!(matches!(write_annotations(&spec, &out, go_on), Err(Error::Exists(_))));
    let forced = SlideSpec { force: true, seed: 2, ..spec.clone() };
    write_annotations(&forced, &out, go_on).unwrap();
    assert_ne!(fs::read_to_string(&out).unwrap(), text);
    for bad in [
        SlideSpec { repeat: Repeat::Always, ..forced.clone() },
        SlideSpec { source: Source::Pictures(folder.path().to_owned()), ..forced },
    ] {
        assert!(matches!(write_annotations(&bad, &out, go_on), Err(Error::NoAnnotations)));
    }
    let stopped = write_annotations(&SlideSpec { force: true, ..spec }, &out, &|_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Stopped)));
}
