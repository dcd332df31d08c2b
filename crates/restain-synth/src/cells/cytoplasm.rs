//! Cytoplasm: a thin, folded, wrinkled sheet.

use std::f32::consts::TAU;

use crate::{
    cells::{
        canvas::{Canvas, Dyes, NUCLEAR, Spot, add, mix, smooth},
        outline::{Outline, Shape},
        texture::textures,
    },
    hash::Dice,
};

/// How a sheet of cytoplasm looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct CytoplasmKind {
    pub(super) shape: Shape,
    /// Dyes where the sheet has its usual thickness.
    pub(super) dyes: Dyes,
    /// Dyes of the parts around the nucleus that took up another dye, as keratinising cells do.
    pub(super) core: Dyes,
    /// How much of the sheet those parts take, 0 to 1.
    pub(super) core_size: f32,
    /// How much thicker the middle is than the edge.
    pub(super) dome: f32,
    /// Strength of cloudiness, 0 to 1.
    pub(super) clouds: f32,
    /// Strength of wrinkles, 0 to 1.
    pub(super) wrinkles: f32,
    /// Strength of grain, 0 to 1.
    pub(super) grain: f32,
    /// Darkness of the edge.
    pub(super) rim: f32,
    /// Corners folded over.
    pub(super) folds: u32,
    /// Width of the blurred edge in pixels.
    pub(super) soft: f32,
    /// How far the sheet is bent in its plane, in pixels.
    pub(super) warp: f32,
    /// Radius of a clearing around the nucleus, in pixels; 0 for none.
    pub(super) halo: f32,
}

/// A corner folded over: beyond `distance` in a direction the sheet lies doubled on itself.
#[derive(Debug, Clone, Copy)]
struct Fold {
    normal: [f32; 2],
    distance: f32,
    depth: f32,
}

/// Draws a sheet and returns its outline.
pub(super) fn paint(canvas: &mut Canvas, spot: Spot, kind: &CytoplasmKind, dice: &mut Dice) -> Outline {
    let outline = Outline::new(kind.shape, dice);
    let folds: Vec<Fold> = (0..kind.folds)
        .map(|_| {
            let angle = dice.range(0.0, TAU);
            let normal = [angle.cos(), angle.sin()];
            let radius = outline.radius(normal[0], normal[1]);
            let distance = radius * dice.range(0.55, 0.86);
            Fold { normal, distance, depth: outline.reach - distance }
        })
        .collect();
    let tables = textures();
    let offset: [f32; 10] = std::array::from_fn(|_| dice.range(0.0, 256.0));
    let (sin, cos) = dice.range(0.0, TAU).sin_cos();
    let cloud_scale = dice.range(0.5, 0.8);
    let wrinkle_scale = [dice.range(0.35, 0.55), dice.range(0.6, 0.9)];
    let curl_side = dice.range(0.0, TAU).sin_cos();
    let curl = dice.range(-0.2, 1.5).max(0.0);
    let grain_scale = dice.range(0.6, 1.1);
    let soft = kind.soft;
    let warp = kind.warp;
    canvas.around(spot, outline.reach + warp + soft, |x, y, pixel| {
        if outline.distance(x, y).0 > soft + warp {
            return;
        }
        // Nothing in a cell is straight: bend the sheet before looking at its outline and folds.
        let bend = |a: f32, b: f32| tables.cloud.at(a + x * 0.4, b + y * 0.4) - 0.5;
        let (x, y) = (x + warp * bend(offset[6], offset[7]), y + warp * bend(offset[8], offset[9]));
        let (mut distance, share) = outline.distance(x, y);
        if distance > soft {
            return;
        }
        let (u, v) = (x * cos + y * sin, y * cos - x * sin);
        let cloud = tables.cloud.at(offset[0] + u * cloud_scale, offset[1] + v * cloud_scale) - 0.5;
        let mut layers = 1.0;
        let mut crease = 0.0;
        for fold in &folds {
            let beyond = fold.normal[0] * x + fold.normal[1] * y - fold.distance + 24.0 * cloud;
            distance = distance.max(beyond);
            if beyond <= 0.0 && -beyond < fold.depth {
                let (flap, _) =
                    outline.distance(x - 2.0 * beyond * fold.normal[0], y - 2.0 * beyond * fold.normal[1]);
                layers += 0.85 * smooth(soft, -soft, flap);
                crease += edge(flap, 0.8 * soft) + 1.2 * edge(beyond, soft);
            }
        }
        if distance > soft {
            return;
        }
        let cover = smooth(soft, -soft, distance);
        let wrinkle = tables.wrinkle.at(offset[2] + u * wrinkle_scale[0], offset[3] + v * wrinkle_scale[1])
            + 0.5 * tables.wrinkle.at(offset[3] + u * 1.7, offset[2] + v * 0.9);
        let grain = tables.grain.at(offset[4] + x * grain_scale, offset[5] + y * grain_scale) - 0.5;
        // The edge is a thin line; on one side it curls up and becomes broad.
        let facing = (curl_side.0 * x + curl_side.1 * y) / outline.reach;
        let curled = curl * (facing + 1.5 * cloud).clamp(0.0, 1.0) * edge(distance + 2.0, 14.0);
        let rim = (edge(distance + soft, soft) * (0.8 + 2.5 * cloud)).max(0.0) + crease;
        let thickness = layers
            * (1.0
                + kind.dome * (0.5 - share)
                + 2.4 * kind.clouds * cloud
                + kind.grain * grain
                + 0.5 * kind.wrinkles * wrinkle
                + 0.6 * curled)
                .max(0.15);
        let clear =
            if kind.halo > 0.0 { smooth(0.75 * kind.halo, kind.halo, x.hypot(y)) * 0.85 + 0.15 } else { 1.0 };
        let core = smooth(0.0, 0.35, kind.core_size - share + 0.9 * cloud) * kind.core_size.min(0.5) * 2.0;
        let dyes = mix(&kind.dyes, &kind.core, core);
        add(pixel, &dyes, cover * clear * (thickness + kind.rim * rim));
        pixel[NUCLEAR] += cover * (0.05 * kind.rim * rim + 0.025 * kind.wrinkles * wrinkle + 0.03 * curled);
    });
    outline
}

/// 1 on an edge, falling to 0 within `width` pixels.
#[inline]
fn edge(distance: f32, width: f32) -> f32 {
    let t = (1.0 - distance.abs() / width).max(0.0);
    t * t
}
